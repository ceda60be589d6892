//! When and how a session's user was authenticated.

use std::{collections::BTreeSet, fmt, time::Duration};

use base64ct::{Base64UrlUnpadded, Encoding};

use crate::Timestamp;

/// A method of authentication, as `amr` names it (RFC 8176 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AuthenticationMethod {
    /// A password.
    Password,
    /// A one-time password (RFC 6238), or a recovery code in its place.
    OneTimePassword,
    /// A key that is bound to hardware.
    HardwareKey,
    /// A key that is not, or may be synchronised between devices.
    SoftwareKey,
    /// An authenticator verified the user, with a PIN or a biometric.
    UserVerified,
    /// More than one factor.
    MultiFactor,
    /// An identity provider. RFC 8176 registers no value for it.
    Federated,
}

impl AuthenticationMethod {
    /// All methods.
    pub const ALL: [Self; 7] = [
        Self::Password,
        Self::OneTimePassword,
        Self::HardwareKey,
        Self::SoftwareKey,
        Self::UserVerified,
        Self::MultiFactor,
        Self::Federated,
    ];

    /// Returns the value of `amr`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::OneTimePassword => "otp",
            Self::HardwareKey => "hwk",
            Self::SoftwareKey => "swk",
            Self::UserVerified => "user",
            Self::MultiFactor => "mfa",
            Self::Federated => "fed",
        }
    }

    /// Parses that value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }
}

/// The strength of an authentication, `acr` (RFC 9068 §2.2.1). The greater is the stronger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum AuthenticationContext {
    /// One factor.
    OneFactor,
    /// Two factors: a password and a one-time password, or a passkey whose authenticator verified the user.
    TwoFactors,
}

impl AuthenticationContext {
    /// All contexts, the weakest first.
    pub const ALL: [Self; 2] = [Self::OneFactor, Self::TwoFactors];

    /// Returns the value of `acr`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OneFactor => "urn:nolapse:acr:1",
            Self::TwoFactors => "urn:nolapse:acr:2",
        }
    }

    /// Parses that value.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|context| context.as_str() == text)
    }
}

/// When and how a user was authenticated. A refresh does not change it; a step-up does (RFC 9470).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authentication {
    /// When, `auth_time`.
    pub at: Timestamp,
    /// How, `amr`.
    pub methods: BTreeSet<AuthenticationMethod>,
}

impl Authentication {
    /// Creates an authentication of one or more methods.
    #[must_use]
    pub fn new(at: Timestamp, methods: impl IntoIterator<Item = AuthenticationMethod>) -> Self {
        Self {
            at,
            methods: methods.into_iter().collect(),
        }
    }

    /// Creates an authentication by password alone.
    #[must_use]
    pub fn by_password(at: Timestamp) -> Self {
        Self::new(at, [AuthenticationMethod::Password])
    }

    /// Returns the authentication after a step-up at `now` (RFC 9470) by these methods.
    ///
    /// Those of before count with them for `window` alone: an `acr` of two factors tells that both were seen within it.
    #[must_use]
    pub fn step_up(
        &self,
        now: Timestamp,
        methods: impl IntoIterator<Item = AuthenticationMethod>,
        window: Duration,
    ) -> Self {
        use AuthenticationMethod::{MultiFactor, OneTimePassword, Password};
        let mut stepped = Self::new(now.max(self.at), methods);
        if now.since(self.at) <= window {
            stepped.methods.extend(&self.methods);
        }
        if [Password, OneTimePassword]
            .iter()
            .all(|factor| stepped.methods.contains(factor))
        {
            stepped.methods.insert(MultiFactor);
        }
        stepped
    }

    /// Returns its strength, `acr`.
    #[must_use]
    pub fn context(&self) -> AuthenticationContext {
        if self.methods.contains(&AuthenticationMethod::MultiFactor) {
            AuthenticationContext::TwoFactors
        } else {
            AuthenticationContext::OneFactor
        }
    }
}

/// The SHA-256 thumbprint of a public key (RFC 7638), `jkt` in RFC 9449 §6.1.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyThumbprint([u8; 32]);

impl KeyThumbprint {
    /// Creates a thumbprint from its bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Parses a thumbprint in base64url, 43 characters; `None` for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let read = Base64UrlUnpadded::decode(text, &mut bytes).ok()?;
        (read.len() == 32).then_some(Self(bytes))
    }

    /// Returns its bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for KeyThumbprint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("KeyThumbprint(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_parsed_as_they_are_written() {
        for method in AuthenticationMethod::ALL {
            assert_eq!(AuthenticationMethod::parse(method.as_str()), Some(method));
        }
        for context in AuthenticationContext::ALL {
            assert_eq!(
                AuthenticationContext::parse(context.as_str()),
                Some(context)
            );
        }
        assert_eq!(AuthenticationMethod::parse("PWD"), None);
        assert_eq!(AuthenticationContext::parse("urn:nolapse:acr:3"), None);
    }

    #[test]
    fn two_factors_are_what_mfa_names() {
        use AuthenticationMethod::{Federated, MultiFactor, OneTimePassword, Password};
        let context = |methods: &[AuthenticationMethod]| {
            Authentication::new(Timestamp::from_millis(0), methods.iter().copied()).context()
        };
        assert_eq!(context(&[Password]), AuthenticationContext::OneFactor);
        assert_eq!(context(&[Federated]), AuthenticationContext::OneFactor);
        assert_eq!(
            context(&[Password, OneTimePassword, MultiFactor]),
            AuthenticationContext::TwoFactors
        );
        assert!(AuthenticationContext::OneFactor < AuthenticationContext::TwoFactors);
    }

    #[test]
    fn a_step_up_counts_the_methods_of_before_within_its_window_alone() {
        use AuthenticationMethod::{MultiFactor, OneTimePassword, Password};
        let window = Duration::from_mins(5);
        let begun = Authentication::by_password(Timestamp::from_millis(0));
        let at = |secs: u64| Timestamp::from_millis(secs * 1_000);

        let soon = begun.step_up(at(300), [OneTimePassword], window);
        let late = begun.step_up(at(301), [OneTimePassword], window);

        let both = [Password, OneTimePassword, MultiFactor];
        assert_eq!(soon, Authentication::new(at(300), both));
        assert_eq!(late, Authentication::new(at(301), [OneTimePassword]));
        // A password alone does not keep the strength of a sign-in of long ago.
        let weaker = soon.step_up(at(900), [Password], window);
        assert_eq!(weaker.context(), AuthenticationContext::OneFactor);
    }
}
