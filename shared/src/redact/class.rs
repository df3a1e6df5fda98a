//! The classes of personal data, and sets of them.

/// A class of personal data. Their order is their rank: where two overlap, the first one names the
/// placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Class {
    /// A deployment's own pattern, by its place in [`Config::custom`](super::Config::custom).
    Custom(u8),
    /// A private key in PEM, or what is left of one.
    PrivateKey,
    /// What stands before the `@` of a URL.
    UrlCredentials,
    /// A signed token (RFC 7519).
    Jwt,
    /// A vendor's API key, by its prefix.
    ApiKey,
    /// What follows `Bearer`.
    BearerToken,
    /// What follows `password:` and the like.
    Password,
    /// An email address.
    Email,
    /// The number of a payment card.
    Card,
    /// A card's security code.
    Cvv,
    /// A personal identification number.
    Pin,
    /// An international bank account number (ISO 13616).
    Iban,
    /// An address of Bitcoin or Ethereum.
    Crypto,
    /// A social security number of the United States.
    UsSsn,
    /// A taxpayer's number of the United States.
    UsItin,
    /// A passport's number.
    Passport,
    /// A driving licence's number.
    DriverLicense,
    /// A bank account's number.
    BankNumber,
    /// A date of birth.
    BirthDate,
    /// A street with a house number.
    Address,
    /// The address of a network card.
    MacAddress,
    /// An IPv4 or IPv6 address, or a network of them.
    IpAddress,
    /// A phone number.
    Phone,
    /// Any URL or domain.
    Url,
    /// Any date.
    DateTime,
}

/// What is known of a class: itself, its name, its label.
type Fact = (Class, &'static str, &'static str);

/// All but custom ones. Names are Presidio's where it has one:
/// <https://microsoft.github.io/presidio/supported_entities/>
const FACTS: [Fact; 24] = [
    (Class::PrivateKey, "PRIVATE_KEY", "PRIVATE_KEY"),
    (Class::UrlCredentials, "URL_CREDENTIALS", "CREDENTIALS"),
    (Class::Jwt, "JWT", "JWT"),
    (Class::ApiKey, "API_KEY", "API_KEY"),
    (Class::BearerToken, "BEARER_TOKEN", "TOKEN"),
    (Class::Password, "PASSWORD", "PASSWORD"),
    (Class::Email, "EMAIL_ADDRESS", "EMAIL"),
    (Class::Card, "CREDIT_CARD", "CARD"),
    (Class::Cvv, "CVV", "CVV"),
    (Class::Pin, "PIN", "PIN"),
    (Class::Iban, "IBAN_CODE", "IBAN"),
    (Class::Crypto, "CRYPTO", "CRYPTO"),
    (Class::UsSsn, "US_SSN", "SSN"),
    (Class::UsItin, "US_ITIN", "ITIN"),
    (Class::Passport, "US_PASSPORT", "PASSPORT"),
    (Class::DriverLicense, "US_DRIVER_LICENSE", "LICENSE"),
    (Class::BankNumber, "US_BANK_NUMBER", "BANK"),
    (Class::BirthDate, "DATE_OF_BIRTH", "BIRTH_DATE"),
    (Class::Address, "STREET_ADDRESS", "ADDRESS"),
    (Class::MacAddress, "MAC_ADDRESS", "MAC"),
    (Class::IpAddress, "IP_ADDRESS", "IP"),
    (Class::Phone, "PHONE_NUMBER", "PHONE"),
    (Class::Url, "URL", "URL"),
    (Class::DateTime, "DATE_TIME", "DATE"),
];

impl Class {
    /// All but custom ones.
    pub fn all() -> impl Iterator<Item = Self> {
        FACTS.iter().map(|(class, _, _)| *class)
    }

    /// As Presidio calls it, and as it stands in the audit; empty for a custom one, whose name is
    /// in the configuration.
    pub fn name(self) -> &'static str {
        self.fact().map_or("", |(_, name, _)| name)
    }

    /// As it stands in a placeholder.
    pub(super) fn label(self) -> &'static str {
        self.fact().map_or("", |(_, _, label)| label)
    }

    fn fact(self) -> Option<&'static Fact> {
        FACTS.iter().find(|(class, _, _)| *class == self)
    }

    fn bit(self) -> u32 {
        let place = FACTS.iter().position(|(class, _, _)| *class == self);
        // Custom patterns are on by standing in the configuration.
        place.map_or(0, |place| 1 << place)
    }

    /// The value however it was written, so that two spellings have one number.
    pub(super) fn canonical(self, value: &str) -> String {
        match self {
            Self::Email => super::find::spelled::canonical(value),
            Self::Card | Self::Phone | Self::UsSsn | Self::UsItin | Self::Cvv | Self::Pin => {
                value.chars().filter(char::is_ascii_digit).collect()
            }
            Self::Iban | Self::Passport | Self::DriverLicense | Self::BankNumber => value
                .chars()
                .filter(char::is_ascii_alphanumeric)
                .map(|c| c.to_ascii_uppercase())
                .collect(),
            Self::MacAddress => value
                .chars()
                .filter(char::is_ascii_hexdigit)
                .map(|c| c.to_ascii_lowercase())
                .collect(),
            Self::IpAddress | Self::Address => value.to_lowercase(),
            _ => value.to_owned(),
        }
    }
}

/// A set of classes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Classes(u32);

impl Classes {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// Every class.
    pub fn all() -> Self {
        Class::all().fold(Self::NONE, Self::with)
    }

    /// This set and a class.
    #[must_use]
    pub fn with(self, class: Class) -> Self {
        Self(self.0 | class.bit())
    }

    /// This set but for a class.
    #[must_use]
    pub fn without(self, class: Class) -> Self {
        Self(self.0 & !class.bit())
    }

    /// Whether it is among them.
    pub fn contains(self, class: Class) -> bool {
        self.0 & class.bit() != 0
    }

    /// The default set with changes: names after a comma, `+` (or nothing) before one that is
    /// switched on and `-` before one that is switched off, as in `+URL, -PHONE_NUMBER`. `ALL` and
    /// `DEFAULT` are sets.
    ///
    /// # Errors
    /// The name that no class has.
    pub fn parse(changes: &str) -> Result<Self, String> {
        let mut set = Self::default();
        for change in changes.split(',').map(str::trim).filter(|c| !c.is_empty()) {
            let (on, name) = match change.strip_prefix('-') {
                Some(name) => (false, name.trim()),
                None => (true, change.trim_start_matches('+').trim()),
            };
            let named = match name.to_ascii_uppercase().as_str() {
                "ALL" => Self::all(),
                "DEFAULT" => Self::default(),
                name => match FACTS.iter().find(|(_, known, _)| *known == name) {
                    Some((class, _, _)) => Self::NONE.with(*class),
                    None => return Err(name.to_owned()),
                },
            };
            set.0 = if on {
                set.0 | named.0
            } else {
                set.0 & !named.0
            };
        }
        Ok(set)
    }
}

/// All but those that ordinary talk is full of: URLs and dates.
impl Default for Classes {
    fn default() -> Self {
        Self::all().without(Class::Url).without(Class::DateTime)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_bit_a_name_and_a_label_of_its_own() {
        for one in Class::all() {
            assert!(Classes::all().contains(one));
            for other in Class::all().filter(|other| *other != one) {
                assert_ne!(one.name(), other.name());
                assert_ne!(one.label(), other.label());
                assert!(!Classes::all().without(other).contains(other));
                assert!(Classes::all().without(other).contains(one));
            }
        }
        assert!(Class::all().is_sorted());
    }

    #[test]
    fn a_set_is_the_default_one_with_changes() {
        let default = Classes::default();
        assert!(default.contains(Class::Email) && !default.contains(Class::Url));
        assert_eq!(Classes::parse(""), Ok(default));
        let set = Classes::parse("+URL, -email_address,DATE_TIME").unwrap();
        assert!(set.contains(Class::Url) && set.contains(Class::DateTime));
        assert!(!set.contains(Class::Email) && set.contains(Class::Card));
        assert_eq!(Classes::parse("-ALL"), Ok(Classes::NONE));
        assert_eq!(Classes::parse("ALL"), Ok(Classes::all()));
        assert_eq!(Classes::parse("-ALL,DEFAULT"), Ok(default));
        assert_eq!(Classes::parse("+URL,NAME"), Err("NAME".to_owned()));
    }
}
