//! What the encodings' patterns tell characters apart by.

/// A character, as a pattern sees it. Names in brackets are Unicode's general categories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// A capital [Lu].
    Upper,
    /// A small letter [Ll].
    Lower,
    /// A letter without case [Lo, Lm].
    Caseless,
    /// [N]
    Number,
    /// `\r` and `\n`.
    Newline,
    /// White space but for those two.
    Space,
    /// Neither letter, mark, number nor white space.
    Other,
    /// Any of the above but white space, or a mark: rare characters, which need no table then.
    Unknown,
}

impl Class {
    pub(super) fn of(character: char) -> Self {
        match character {
            'a'..='z' => Self::Lower,
            ' ' => Self::Space,
            'A'..='Z' => Self::Upper,
            '0'..='9' => Self::Number,
            '\r' | '\n' => Self::Newline,
            _ if character.is_whitespace() => Self::Space,
            '\0'..='\u{7f}' => Self::Other,
            _ => Self::beyond_ascii(character),
        }
    }

    pub(super) fn is_letter(self) -> bool {
        matches!(self, Self::Upper | Self::Lower | Self::Caseless)
    }

    pub(super) fn is_white_space(self) -> bool {
        matches!(self, Self::Space | Self::Newline)
    }

    /// Frequent blocks only, and of them what all versions of Unicode since 10 agree on.
    fn beyond_ascii(character: char) -> Self {
        match character {
            // Folds to `s`, so that it may be the end of a contraction.
            'ſ' => Self::Unknown,
            'ª' | 'º' => Self::Caseless,
            '²' | '³' | '¹' | '¼'..='¾' | '٠'..='٩' | '０'..='９' => Self::Number,
            '×' | '÷' | '\u{387}' => Self::Other,
            // Latin, Greek, Cyrillic: Lt and Lo are neither.
            'µ'
            | 'À'..='\u{24f}'
            | '\u{386}'..='\u{3ff}'
            | '\u{400}'..='\u{481}'
            | '\u{48a}'..='\u{52f}'
            | '\u{1e00}'..='\u{1eff}'
            | 'Ａ'..='Ｚ'
            | 'ａ'..='ｚ' => {
                if character.is_lowercase() {
                    Self::Lower
                } else if character.is_uppercase() {
                    Self::Upper
                } else {
                    Self::Unknown
                }
            }
            // Hebrew, Arabic, kana, Han, Hangul.
            '\u{5d0}'..='\u{5ea}'
            | '\u{620}'..='\u{64a}'
            | '\u{3041}'..='\u{3096}'
            | '\u{30a1}'..='\u{30fa}'
            | '\u{30fc}'..='\u{30fe}'
            | '\u{3400}'..='\u{4db5}'
            | '\u{4e00}'..='\u{9fea}'
            | '\u{ac00}'..='\u{d7a3}' => Self::Caseless,
            '\u{80}'..='¿'
            | '،'
            | '؛'
            | '؟'
            // Dashes, quotation marks, ellipsis, currencies, arrows, symbols, dingbats but for their digits.
            | '\u{200b}'..='\u{2027}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2030}'..='\u{205e}'
            | '\u{20a0}'..='\u{20bf}'
            | '\u{2190}'..='\u{23ff}'
            | '\u{2500}'..='\u{2767}'
            | '\u{2794}'..='\u{27bf}'
            | '\u{2b00}'..='\u{2b73}'
            // Marks of Chinese and Japanese.
            | '\u{3001}'..='\u{3004}'
            | '\u{3008}'..='\u{3020}'
            | '\u{30fb}'
            | '\u{feff}'
            | '\u{ff01}'..='\u{ff0f}'
            | '\u{ff1a}'..='\u{ff20}'
            | '\u{ff3b}'..='\u{ff40}'
            | '\u{ff5b}'..='\u{ff65}'
            // Flags and pictures.
            | '\u{1f1e6}'..='\u{1f1ff}'
            | '\u{1f300}'..='\u{1faff}' => Self::Other,
            _ => Self::Unknown,
        }
    }
}
