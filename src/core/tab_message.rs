//! The messages that tabs post to each other. Any script of the origin can post them too, so every field is validated.

use crate::wire::EndReason;

use super::codec::{FieldReader, FieldWriter};
use super::error::FailureCause;
use super::grant::{Grant, SessionInfo};
use super::ids::Version;
use super::millis::Millis;
use super::secret::Secret;
use super::time::WallTime;

/// A message of one tab to the other tabs of the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TabMessage {
    /// There is a new token.
    Token {
        /// The session version.
        version: Version,
        /// The token with its full lifetime.
        grant: Grant,
        /// The token's age when the message was posted.
        age: Millis,
        /// When the message was posted.
        posted: WallTime,
    },
    /// The user is signed out.
    SignedOut {
        /// The session version.
        version: Version,
        /// Why the session ended.
        reason: EndReason,
        /// The fingerprint of the ended session; 0 if unknown.
        fingerprint: u32,
    },
    /// The sender has started a back-off after a failure of the auth server.
    BackoffStarted {
        /// The cause of the last failure.
        cause: FailureCause,
        /// The length of the failure streak.
        failures: u32,
        /// How long until the next attempt.
        retry_in: Millis,
        /// How long until the rate limiter is reset.
        resets_in: Millis,
    },
    /// This tab holds the lock and has sent a request to the auth server.
    RefreshStarted,
    /// The app made a call or the user gave input.
    Active {
        /// When the message was posted.
        at: WallTime,
    },
    /// Requests the state of tabs that have a higher version.
    StateRequest {
        /// The requesting tab's version.
        version: Version,
    },
}

const MAGIC: &str = "nolapse1";
const SEPARATOR: &str = "\n";
/// Larger than any valid message.
const MAX_BYTES: usize = 128 * 1024;

impl TabMessage {
    /// Whether it reports the outcome of an exchange.
    #[must_use]
    pub const fn is_outcome(&self) -> bool {
        match self {
            Self::Token { .. } | Self::SignedOut { .. } | Self::BackoffStarted { .. } => true,
            Self::RefreshStarted | Self::Active { .. } | Self::StateRequest { .. } => false,
        }
    }

    /// Encodes the message.
    #[must_use]
    #[inline(never)]
    pub fn encode(&self) -> String {
        let mut writer = FieldWriter::new(MAGIC, SEPARATOR);
        match self {
            Self::Token {
                version,
                grant,
                age,
                posted,
            } => {
                writer.field("token");
                writer.number(version.number());
                writer.number(posted.as_millis());
                writer.number(age.as_millis());
                writer.number(grant.lifetime.as_millis());
                let refresh_in = grant.refresh_in.unwrap_or(Millis::ZERO);
                writer.number(refresh_in.as_millis());
                writer.field(grant.token.expose());
                writer.field(&grant.session.id);
                writer.field(&grant.session.user_id);
                writer.field(&grant.session.user);
            }
            Self::SignedOut {
                version,
                reason,
                fingerprint,
            } => {
                writer.field("out");
                writer.number(version.number());
                writer.field(reason.as_str());
                writer.number(u64::from(*fingerprint));
            }
            Self::BackoffStarted {
                cause,
                failures,
                retry_in,
                resets_in,
            } => {
                writer.field("failing");
                writer.field(cause.as_str());
                writer.number(u64::from(*failures));
                writer.number(retry_in.as_millis());
                writer.number(resets_in.as_millis());
            }
            Self::RefreshStarted => writer.field("working"),
            Self::Active { at } => {
                writer.field("active");
                writer.number(at.as_millis());
            }
            Self::StateRequest { version } => {
                writer.field("ask");
                writer.number(version.number());
            }
        }
        writer.finish()
    }

    /// Decodes a message; `None` if it is of another format, malformed or out of bounds.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        if text.len() > MAX_BYTES {
            return None;
        }
        let mut fields = FieldReader::new(text, b'\n');
        if fields.field() != MAGIC {
            return None;
        }
        let message = match fields.field() {
            "token" => decode_token(&mut fields)?,
            "out" => Self::SignedOut {
                version: fields.version(),
                reason: EndReason::parse(fields.field())?,
                fingerprint: fields.small_number(),
            },
            "failing" => Self::BackoffStarted {
                cause: FailureCause::parse(fields.field())?,
                failures: fields.small_number(),
                retry_in: fields.span(),
                resets_in: fields.span(),
            },
            "working" => Self::RefreshStarted,
            "active" => Self::Active {
                at: fields.wall_time(),
            },
            "ask" => Self::StateRequest {
                version: fields.version(),
            },
            _ => return None,
        };
        fields.is_complete().then_some(message)
    }
}

fn decode_token(fields: &mut FieldReader<'_>) -> Option<TabMessage> {
    let version = fields.version();
    let posted = fields.wall_time();
    let age = fields.span();
    let lifetime = fields.span();
    let refresh_in = fields.span();
    let token = Secret::new(fields.field())?;
    let session = SessionInfo {
        id: fields.field().into(),
        user_id: fields.field().into(),
        // The user's JSON comes last because it may contain the separator.
        user: fields.remaining().into(),
    };
    let honest = (Grant::MIN_LIFETIME..=Grant::MAX_LIFETIME).contains(&lifetime)
        && age < lifetime
        && refresh_in < lifetime;
    honest.then_some(TabMessage::Token {
        version,
        grant: Grant {
            token,
            lifetime,
            refresh_in: (!refresh_in.is_zero()).then_some(refresh_in),
            session,
        },
        age,
        posted,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn messages() -> Vec<TabMessage> {
        let version = Version::default().next();
        vec![
            TabMessage::Token {
                version,
                grant: Grant {
                    token: Secret::new("a.b.c").expect("a token"),
                    lifetime: Millis::from_secs(60),
                    refresh_in: None,
                    session: SessionInfo {
                        id: "s1".into(),
                        user_id: "u1".into(),
                        user: "{\n\"id\":\n\"u1\"}".into(),
                    },
                },
                age: Millis::from_millis(1_234),
                posted: WallTime::from_millis(1_700_000_000_000),
            },
            TabMessage::SignedOut {
                version,
                reason: EndReason::Idle,
                fingerprint: 7,
            },
            TabMessage::BackoffStarted {
                cause: FailureCause::RateLimited,
                failures: 2,
                retry_in: Millis::from_secs(9),
                resets_in: Millis::from_secs(240),
            },
            TabMessage::RefreshStarted,
            TabMessage::Active {
                at: WallTime::from_millis(1_700_000_000_000),
            },
            TabMessage::StateRequest { version },
        ]
    }

    fn token_text() -> String {
        messages()
            .first()
            .map(TabMessage::encode)
            .unwrap_or_default()
    }

    #[test]
    fn a_message_may_be_long_and_not_endless() {
        for (bytes, is_read) in [(100_000, true), (128 * 1024, false)] {
            let message = messages().swap_remove(0);
            let TabMessage::Token {
                version,
                grant,
                age,
                posted,
            } = message
            else {
                panic!("{message:?}");
            };
            let session = SessionInfo::new("s", "u", &"x".repeat(bytes));
            let message = TabMessage::Token {
                version,
                grant: Grant { session, ..grant },
                age,
                posted,
            };
            let read = TabMessage::decode(&message.encode());
            assert_eq!(read, is_read.then_some(message), "{bytes}");
        }
    }

    #[test]
    fn a_message_reads_back_as_itself() {
        for message in messages() {
            assert_eq!(TabMessage::decode(&message.encode()), Some(message));
        }
    }

    #[test]
    fn p31_debug_of_a_message_does_not_show_the_token() {
        for message in messages() {
            assert!(!format!("{message:?}").contains("a.b.c"));
        }
    }

    #[test]
    fn the_largest_message_is_read_and_a_larger_one_is_not() {
        let text = token_text();
        // The user's JSON comes last.
        let most = format!("{text}{}", "x".repeat(MAX_BYTES - text.len()));

        assert!(TabMessage::decode(&most).is_some());
        assert_eq!(TabMessage::decode(&format!("{most}x")), None);
    }

    #[test]
    fn forged_and_malformed_messages_are_refused() {
        let token = token_text();
        for (from, to) in [
            ("nolapse1", "nolapse9"),
            ("token", "tokens"),
            ("\n60000\n", "\n9999999999999\n"),
            ("\n60000\n", "\n1000\n"),
            ("\n60000\n", "\n-60000\n"),
            ("\n1234\n", "\n60000\n"),
            ("\n60000\n0\n", "\n60000\n60000\n"),
            ("a.b.c", " a b"),
            ("a.b.c", ""),
            ("token\n1\n", "token\n999999999999999999\n"),
            ("token\n1\n", "token\n100000000000001\n"),
        ] {
            let forged = token.replacen(from, to, 1);
            assert_ne!(forged, token, "{from} is in the message");
            assert_eq!(TabMessage::decode(&forged), None, "{from} as {to}");
        }
        for text in [
            "",
            "nolapse1",
            "nolapse1\n",
            "nolapse1\nworking\nmore",
            "nolapse1\nask",
            "nolapse1\nout\n1\nbored\n1",
        ] {
            assert_eq!(TabMessage::decode(text), None, "{text}");
        }
        assert_eq!(TabMessage::decode(&"x".repeat(MAX_BYTES + 1)), None);
    }
}
