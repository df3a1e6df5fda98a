//! The whole way, from raw text to placeholders.

use super::*;

fn redacted(raw: &str) -> String {
    Redactor::default().redact(raw).0
}

#[test]
fn the_same_value_has_the_same_number_however_it_is_written() {
    assert_eq!(
        redacted("Ann@X.org, bob@x.org, ann@x.org; (415) 555-0132 or 415-555-0132"),
        "[EMAIL_1], [EMAIL_2], [EMAIL_1]; [PHONE_1] or [PHONE_1]"
    );
    assert_eq!(
        redacted(
            "４０１２８８８８８８８８１８８１ is 4012 8888 8888 1881, ann (at) x.org is ann@x.org"
        ),
        "[CARD_1] is [CARD_1], [EMAIL_1] is [EMAIL_1]"
    );
}

#[test]
fn all_classes_stand_side_by_side_in_any_script() {
    assert_eq!(
        redacted("Жанна → zhanna@почта.рф, 电话 +49 30 1234567，карта 4012-8888-8888-1881。"),
        "Жанна → [EMAIL_1], 电话 [PHONE_1]，карта [CARD_1]。"
    );
}

#[test]
fn text_without_any_is_left_alone_and_so_is_redacted_text() {
    let raw = "ann@x.org, +49 30 1234567, password: hunter2x, born 5/20/1990, PIN 4711, 10.0.0.1, \
        221B Baker Street, https://me:s3cret@x.org, Bearer abc123DEF456, my api key: 9f8e7d6c5b";
    let once = redacted(raw);
    assert_eq!(once.matches('[').count(), 10, "{once}");
    for text in ["", "Ünïcode 🦀, and no more", &once] {
        assert_eq!(redacted(text), text);
    }
}

#[test]
fn what_overlaps_is_covered_whole() {
    // A card's digits before the sign are the address's, and nothing of either is left.
    assert_eq!(redacted("4012888888881881@x.org"), "[EMAIL_1]");
}

#[test]
fn characters_that_do_not_show_go_with_the_value() {
    assert_eq!(
        redacted("é 4012\u{200b}8888\u{200b}8888\u{200b}1881, ok"),
        "é [CARD_1], ok"
    );
    let spans = Redactor::default().find("é ４０１２８８８８８８８８１８８１!");
    assert_eq!((spans[0].start, spans[0].end), (3, 51));
}

#[test]
fn it_does_not_print() {
    assert_eq!(
        format!("{:?}", Redactor::default().redact("secret")),
        "RedactedText(6 bytes)"
    );
}

#[test]
fn a_configuration_decides() {
    let config = Config {
        classes: Classes::parse("-PHONE_NUMBER,+URL").unwrap(),
        by_shape: false,
        custom: Pattern::parse("EMPLOYEE_ID=EMP-\\d{6}").unwrap(),
        allow: Allowed::parse("help@example.org"),
    };
    assert_eq!(
        Redactor::new(config)
            .redact("EMP-123456, EMP-123457: help@example.org, ann@example.org, +49 30 1234567, http://x.org/a")
            .as_str(),
        "[EMPLOYEE_ID_1], [EMPLOYEE_ID_2]: help@example.org, [EMAIL_1], +49 30 1234567, [URL_1]"
    );
}

#[test]
fn a_session_keeps_its_numbers_and_an_audit_of_hashes() {
    let key = || HashKey::derive(b"hush", b"ann").unwrap();
    let redactor = Redactor::default();
    let mut numbers = Numbers::new(key());
    let first = redactor.redact_with("a@x.org, A@x.org and b@x.org", &mut numbers);
    assert_eq!(first.text.as_str(), "[EMAIL_1], [EMAIL_1] and [EMAIL_2]");
    let counts: Vec<_> = first
        .findings
        .iter()
        .map(|finding| (finding.number, finding.count))
        .collect();
    assert_eq!(counts, [(1, 2), (2, 1)]);
    assert!(
        first
            .findings
            .iter()
            .all(|finding| finding.class == "EMAIL_ADDRESS")
    );

    let known = first.findings.iter();
    let known = known.map(|finding| {
        (
            finding.class.as_str(),
            finding.hash.as_str(),
            finding.number,
        )
    });
    let mut numbers = Numbers::resume(key(), known);
    let next = redactor.redact_with("c@x.org, b@x.org", &mut numbers);
    assert_eq!(next.text.as_str(), "[EMAIL_3], [EMAIL_2]");
    assert_eq!(next.findings[1].hash, first.findings[1].hash);
    assert!(!format!("{first:?}{next:?}{numbers:?}").contains("x.org"));
}

#[test]
fn hostile_text_takes_linear_time() {
    let redactor = Redactor::new(Config {
        classes: Classes::all(),
        by_shape: true,
        ..Config::default()
    });
    for unit in [
        "a@",
        "4",
        "4 ",
        "4-",
        "+1",
        "(4",
        "a.",
        "@a.",
        "555-",
        "1 (415) ",
        "GB29 ",
        "GB29",
        "GB29NWBK60161331926819 ",
        ":",
        "1:",
        "::",
        "a:b:",
        "1.",
        "://",
        "a://b@",
        "://a:b@",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY-----",
        "-----END ",
        "eyJ.",
        "eyJhbGciOiJI.",
        "password",
        "password ",
        "password is ",
        "password:",
        "password\"",
        "bearer ",
        "token: ",
        "token=1",
        "at ",
        " at ",
        "(at)",
        " dot ",
        "a dot ",
        " at a dot ",
        "a @ ",
        "pin ",
        "pin 1234 ",
        "1234 is ",
        "may 1 ",
        "1/1/",
        "5/2",
        "1 A ",
        "1 rue ",
        "Straße 1 ",
        "1 Main Street ",
        "po box ",
        "aa:",
        "aa-",
        "aaaa.",
        "0x",
        "1A",
        "bc1q",
        "sk-",
        "sk-1",
        "\u{200b}",
        "４",
        "é",
        "\"http://",
        "a.com/",
        "(",
        "<",
        "\n",
        "sort 1-",
        "passport A",
        "key:",
        "xoxb-1",
    ] {
        let text = unit.repeat(50_000 / unit.len());
        let start = std::time::Instant::now();
        redactor.redact(&text);
        let took = start.elapsed();
        assert!(took.as_secs() < 3, "{unit:?}: {took:?}");
    }
}

#[test]
fn without_numbers_a_text_says_the_same_in_every_session() {
    let text = |raw: &str| Redactor::default().redact(raw).unnumbered();
    assert_eq!(
        text("ann@x.org or bob@x.org: [1], [A_b_1] [x [URL_2]], [_3] [PRIVATE_KEY_12"),
        "[EMAIL] or [EMAIL]: [1], [A_b_1] [x [URL]], [_3] [PRIVATE_KEY_12"
    );
}
