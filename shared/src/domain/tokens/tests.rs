//! The bound against the real count, and the parts of its proof.

use super::encoding::Encoding;
use super::generate::tokeniser;
use super::split::first_piece;
use super::walk::Walk;
use super::{bound, first};

/// What a seed makes, so that a failure can be had again.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    fn of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

fn total(encoding: Encoding, text: &str) -> u32 {
    let mut walk = Walk::over(text);
    while walk.step() {}
    walk.total(encoding)
}

/// The bound of one encoding is at or above its count; and so is the bound.
fn check(text: &str) {
    let bound = bound(text);
    for encoding in Encoding::ALL {
        let count = tokeniser(encoding).encode_ordinary(text).len() as u32;
        let total = total(encoding, text);
        assert!(
            count <= total && total <= bound,
            "{encoding:?} makes {count} tokens of {text:?}; bound {total}, {bound} of both"
        );
    }
}

const TEXTS: &[&str] = &[
    "",
    " ",
    "\n",
    "a",
    "Hey Mel! Good to see you! I'm swamped with the kids & work. What's up with you? Anything new?",
    "WOW!!! that's sooooo good :-) I can't even... he'd've said \"no\", wouldn't he? 'storm 'Tis don'torm I'Ll DON'T",
    "fn main() {\n    let x: Vec<u8> = vec![0; 1 << 20];\n\n\t// a comment\n    println!(\"{x:?}\");\n}\n",
    "{\"id\": 17, \"items\": [1.5e-7, null, true], \"name\": \"O'Neil\\n\"}",
    "https://example.com/a/b?c=d&e=%20#frag, mail@example.org, C:\\Users\\x, ../../etc/passwd //\n// /\n/",
    "1234567 3.14159 2023-05-08T13:56:07Z +49 (0)30 123-456 ½ ² ٣٤ １２",
    "🎉 😊👍🏽 ❤️ 👨‍👩‍👧‍👦 🇩🇪 🧘‍♀️ ☺️! great!😊ok",
    "日本語のテキストです。漢字とカタカナ、ABCとabcと日本ABC日本Def語",
    "今天天气很好，我们去公园散步吧。我喜欢吃苹果。",
    "한국어 텍스트입니다. 안녕하세요",
    "مرحبا بالعالم، كيف حالك؟ السَّلامُ",
    "שלום עולם, מה שלומך?",
    "Привет, как дела? Съешь ещё этих мягких булок",
    "Ελληνικά κείμενα, καλημέρα",
    "Größe, Straße, élève, Çağrı, ſtraße don'ſ 'ſa, ǅungla Ⅷ ① İstanbul",
    "नमस्ते दुनिया",
    "สวัสดีชาวโลก",
    "HelloWorld getHTTPResponse iPhone LoCoMo McDonald USAid ABCdef XMLs aB Ab AB'S Ab'Re ΑΒγ ДОМа",
    "a  b   c\t\td \n e\r\n\r\n  f   \n\n\n   g \u{a0}h\u{a0}\u{a0}i \u{3000}j\u{2028}k \u{85}l   ",
    "x   \n   ",
    "x\n\n\n",
    "x \n",
    "!\n\n/\n/ x",
    "user: first\nuser: second\n[conversation of 1970-01-10]\nuser: later\n</memory>",
    "\0\u{1}\u{7f}\u{200b}\u{feff}\u{fffd}\u{e000}\u{10ffff}",
];

#[test]
fn no_text_costs_more_than_its_bound() {
    for text in TEXTS {
        check(text);
        for other in TEXTS {
            check(&format!("{text}{other}"));
            check(&format!("{text} {other}"));
        }
    }
    check(&"a".repeat(1000));
    check(&" ".repeat(1000));
    check(&"-=".repeat(70));
    check(&"日本".repeat(300));
}

#[test]
fn no_random_text_costs_more_than_its_bound() {
    let mut chance = Chance(5);
    let frequent: Vec<String> = (0..20_000)
        .map(|rank| {
            String::from_utf8_lossy(&tokeniser(Encoding::Cl100k).decode_bytes(&[rank]).unwrap())
                .into_owned()
        })
        .collect();
    let blocks: [(u32, usize); 12] = [
        (0x20, 95),
        (0x61, 26),
        (0x41, 58),
        (0, 0x250),
        (0x300, 0x230),
        (0x590, 0x170),
        (0x900, 0x600),
        (0x2000, 0x800),
        (0x3000, 0x100),
        (0x4e00, 0x5200),
        (0x1f000, 0xb00),
        (0, 0x11_0000),
    ];
    let soup = [
        " ", " ", "'", "s", "t", "ll", "ve", "re", "D", "M", "\n", "\r\n", "/", "  ", "\t", "A",
        "b", "é", "É", "ſ", "ª", "日", "ー", "9", "12", "½", ".", "…", "❤", "\u{fe0f}", "\u{301}",
        "\u{200d}", "ǅ", "к", "К", "-", "(", "_", "\u{a0}", "<", "the", " and", "ing",
    ];
    for _ in 0..20_000 {
        let (start, size) = blocks[chance.below(blocks.len())];
        let text: String = (0..chance.below(40))
            .map(|_| char::from_u32(start + chance.below(size) as u32).unwrap_or(' '))
            .collect();
        check(&text);
        let text: String = (0..chance.below(16)).map(|_| chance.of(&soup)).collect();
        check(&text);
        // Tokens in a row that are no words together: merges across what would be their limits.
        let text: String = (0..1 + chance.below(4))
            .map(|_| frequent[chance.below(frequent.len())].as_str())
            .collect();
        check(&text);
    }
}

#[test]
fn no_token_costs_more_than_its_bound() {
    for encoding in Encoding::ALL {
        for rank in (0..100_000).step_by(17) {
            let token = tokeniser(encoding).decode_bytes(&[rank]).unwrap();
            if let Ok(token) = std::str::from_utf8(&token) {
                check(token);
            }
        }
    }
}

#[test]
fn lines_add_up() {
    let mut chance = Chance(7);
    for _ in 0..2_000 {
        let lines: Vec<String> = (0..1 + chance.below(5))
            .map(|_| {
                let text: String = (0..chance.below(4)).map(|_| chance.of(TEXTS)).collect();
                format!(
                    "{}{}\n",
                    chance.of(&["user: ", "[", "<m>", "☃", "日", "\u{301}"]),
                    text
                )
            })
            .collect();
        for encoding in Encoding::ALL {
            let sum: u32 = lines.iter().map(|line| total(encoding, line)).sum();
            assert_eq!(total(encoding, &lines.concat()), sum, "{lines:?}");
        }
        let sum: u32 = lines.iter().map(|line| bound(line)).sum();
        assert!(bound(&lines.concat()) <= sum);
    }
}

/// Calls `each` with the pieces of a text and how much each one costs.
fn pieces(encoding: Encoding, mut text: &str, mut each: impl FnMut(&str, u32)) {
    while !text.is_empty() {
        let piece = first_piece(encoding, text);
        let (taken, rest) = text.split_at(piece.len());
        each(taken, piece.bound(encoding));
        text = rest;
    }
}

/// Of `cl100k_base`, then of `o200k_base`, as the patterns themselves cut.
#[test]
fn pieces_end_where_the_patterns_cut() {
    for cuts in [
        (
            "I|'m| sure| he|'d|'ve| said| '|storm|',| don|'t|orm|!",
            "I'm| sure| he'd|'ve| said| '|storm|',| don't|orm|!",
        ),
        (
            "HTTPServer| iPhone| ABC|'S| 日本ABC日本Def| ÉTÉs",
            "HTTPServer| i|Phone| ABC'S| 日本ABC日本Def| ÉTÉs",
        ),
        (
            "a| | b| \t| c| |123|45| x|\n\n| | y| | \"|q|\"| (|z",
            "a| | b| \t| c| |123|45| x|\n\n| | y| | \"|q|\"| (|z",
        ),
        (
            "...\n|/a| //\r\n\n| --| b|\n \n| c|_d",
            "...\n/|a| //\r\n\n| --| b|\n \n| c|_d",
        ),
    ] {
        let text = cuts.0.replace('|', "");
        for (encoding, cuts) in Encoding::ALL.into_iter().zip([cuts.0, cuts.1]) {
            let mut found = Vec::new();
            pieces(encoding, &text, |piece, _| found.push(piece.to_owned()));
            assert_eq!(found.join("|"), cuts, "{encoding:?}");
        }
    }
}

#[test]
fn both_encodings_at_once_is_each_by_itself() {
    for text in TEXTS {
        for encoding in Encoding::ALL {
            let mut sum = 0;
            pieces(encoding, text, |_, bound| sum += bound);
            assert_eq!(total(encoding, text), sum, "{encoding:?} {text:?}");
        }
    }
}

/// Every point here is a turn less in each context.
#[test]
fn ordinary_chat_costs_hardly_more_than_it_counts() {
    let chat = "user: Hey! I finally signed up for the pottery class we talked about last week, it starts on May 12.\n\
        assistant: That's great news! How long does the course take, and have you bought an apron yet?\n\
        user: Six weeks, every Thursday evening. My sister Joanna wants to come along; she's been feeling a bit lonely \
        since the move to Portland, so I thought it'd cheer her up. We'll probably grab dinner afterwards.\n";
    let count = tokeniser(Encoding::Cl100k).encode_ordinary(chat).len();
    assert!(
        bound(chat) as usize * 100 <= count * 104,
        "{} of {count}",
        bound(chat)
    );
}

#[test]
fn a_beginning_fits_and_little_is_wasted() {
    for text in TEXTS {
        let text = text.repeat(20);
        for max in [0, 1, 2, 3, 10, 50, 200] {
            let beginning = first(&text, max);
            assert!(text.starts_with(beginning));
            assert!(bound(beginning) <= max, "{beginning:?}");
        }
    }
    assert_eq!(first("the cat sat", 2), "the cat");
    assert_eq!(first("the cat sat", 3), "the cat sat");
    let long = "She said that words are cheap! ".repeat(5_000);
    assert!(bound(first(&long, 8000)) > 7990);
}

#[test]
fn the_class_of_a_character_is_what_unicode_says() {
    use super::class::Class;
    let classes = [
        (Class::Upper, r"^\p{Lu}$"),
        (Class::Lower, r"^\p{Ll}$"),
        (Class::Caseless, r"^[\p{Lo}\p{Lm}]$"),
        (Class::Number, r"^\p{N}$"),
        (Class::Newline, r"^[\r\n]$"),
        (Class::Space, r"^[\s&&[^\r\n]]$"),
        (Class::Other, r"^[^\s\p{L}\p{N}\p{M}]$"),
        (Class::Unknown, r"^[^\s]$"),
    ];
    let classes = classes.map(|(class, pattern)| (class, regex::Regex::new(pattern).unwrap()));
    let mut buffer = [0; 4];
    for character in '\0'..=char::MAX {
        let class = Class::of(character);
        let (_, pattern) = classes.iter().find(|(other, _)| *other == class).unwrap();
        assert!(
            pattern.is_match(character.encode_utf8(&mut buffer)),
            "{character:?} {class:?}"
        );
    }
}
