//! The app's actions on a tab: API calls, sign-in, sign-out, token requests and refreshes.

use std::rc::Rc;

use nolapse::core::{Answer, CallerId, ContextToken, Input, Millis, Secret, SessionError, Status};
use nolapse_domain::SessionId;

use super::World;

/// How long a call takes to reach the API.
const TRANSIT_MS: u64 = 50;

/// A caller of the SDK.
#[derive(Clone, Debug)]
pub struct Call {
    pub tab: usize,
    pub asked: u64,
    pub ended: u64,
    pub ending: Option<Ending>,
    /// The user that a sign-in is for.
    pub user: u32,
    /// Whether it waits for a token, and may be aborted.
    pub is_for_token: bool,
    /// The context of its token; empty for none.
    pub context: &'static str,
}

/// The result of a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A token, in plain text: this is a simulation.
    Token(String),
    /// The sign-in is done.
    Adopted,
    /// The sign-out is done.
    SignedOut { server_notified: bool },
    /// An error.
    Failed(SessionError),
    /// The caller was aborted.
    Aborted,
    /// Its page was closed.
    PageGone,
}

/// A sign-out by the user.
#[derive(Clone, Copy, Debug)]
pub struct SignedOut {
    pub session: SessionId,
    pub tab: usize,
    pub at: u64,
}

impl World {
    fn ask(&mut self, tab: usize, is_for_token: bool, user: u32) -> CallerId {
        self.calls.push(Call {
            tab,
            asked: self.now,
            ended: 0,
            ending: None,
            user,
            is_for_token,
            context: "",
        });
        CallerId(self.calls.len() as u64 - 1)
    }

    /// The caller with this id, if it belongs to the tab.
    pub fn call(&self, tab: usize, caller: CallerId) -> Option<&Call> {
        let index = usize::try_from(caller.0).ok()?;
        self.calls.get(index).filter(|call| call.tab == tab)
    }

    fn can_ask(&self, tab: usize) -> bool {
        self.tabs[tab].runs(&self.browsers[self.tabs[tab].browser])
    }

    /// The app calls an API: at once if there is a usable token. Returns the caller's index.
    pub fn api(&mut self, tab: usize) -> Option<usize> {
        if !self.can_ask(tab) {
            return None;
        }
        let caller = self.ask(tab, true, 0);
        let browser = self.tabs[tab].browser;
        let context = self.tabs[tab].context(self.now, &self.browsers[browser]);
        self.feed(tab, Input::Active);
        let name = self.context_of(tab);
        let index = self.calls.len() - 1;
        self.calls[index].context = name;
        let usable = self.tabs[tab].core.usable_token(context.now);
        match usable.and_then(|(token, _)| within(token, name)) {
            Some(text) => self.leave(caller, text),
            None => self.feed(
                tab,
                Input::TokenRequested {
                    caller,
                    min_validity: Millis::ZERO,
                    waits_out: true,
                    context: name.into(),
                },
            ),
        }
        Some(self.calls.len() - 1)
    }

    /// The app requests a token that is valid for at least `min_validity`.
    pub fn get_token(&mut self, tab: usize, min_validity: Millis) -> usize {
        let caller = self.ask(tab, true, 0);
        self.feed(
            tab,
            Input::TokenRequested {
                caller,
                min_validity,
                waits_out: true,
                context: Rc::default(),
            },
        );
        self.calls.len() - 1
    }

    /// The app requests a refresh.
    pub fn refresh(&mut self, tab: usize, force: bool) -> Option<usize> {
        if !self.can_ask(tab) {
            return None;
        }
        let caller = self.ask(tab, true, 0);
        self.feed(tab, Input::RefreshRequested { caller, force });
        Some(self.calls.len() - 1)
    }

    /// An API rejects the current token.
    pub fn reject(&mut self, tab: usize) -> Option<usize> {
        if !self.can_ask(tab) {
            return None;
        }
        let browser = self.tabs[tab].browser;
        let context = self.tabs[tab].context(self.now, &self.browsers[browser]);
        let name = self.context_of(tab);
        let (token, version) = self.tabs[tab].core.usable_token(context.now)?;
        within(token, name)?;
        let caller = self.ask(tab, true, 0);
        let index = self.calls.len() - 1;
        self.calls[index].context = name;
        self.feed(
            tab,
            Input::TokenRejected {
                caller,
                version,
                context: name.into(),
            },
        );
        Some(self.calls.len() - 1)
    }

    /// Aborts a caller.
    pub fn abort(&mut self, call: usize) {
        if self.calls[call].ending.is_some() || !self.can_ask(self.calls[call].tab) {
            return;
        }
        let caller = CallerId(call as u64);
        self.calls[call].ending = Some(Ending::Aborted);
        self.feed(self.calls[call].tab, Input::CallerAborted { caller });
    }

    /// The user signs in.
    pub fn sign_in(&mut self, tab: usize, user: u32) -> Option<usize> {
        if !self.can_ask(tab) {
            return None;
        }
        let caller = self.ask(tab, false, user);
        self.feed(tab, Input::SignInRequested { caller });
        Some(self.calls.len() - 1)
    }

    /// The user signs out.
    pub fn sign_out(&mut self, tab: usize, everywhere: bool) -> Option<usize> {
        if !self.can_ask(tab) {
            return None;
        }
        if let Status::SignedIn { session, .. } = self.status(tab) {
            let is_it = |id: &SessionId| *session.id == *format!("{:?}", id.as_bytes());
            let ids = self
                .server
                .sessions
                .keys()
                .copied()
                .map(SessionId::from_bytes);
            let at = self.now;
            let over = ids
                .filter(is_it)
                .map(|session| SignedOut { session, tab, at });
            self.signed_out.extend(over);
        }
        let caller = self.ask(tab, false, 0);
        self.feed(tab, Input::SignOutRequested { caller, everywhere });
        Some(self.calls.len() - 1)
    }

    pub fn settle(&mut self, tab: usize, caller: CallerId, answer: Result<Answer, SessionError>) {
        let index = usize::try_from(caller.0).unwrap_or(usize::MAX);
        assert_eq!(
            self.calls[index].tab, tab,
            "an answer went to another tab's caller"
        );
        if self.calls[index].ending.is_some() {
            self.counts.answered_twice += 1;
            return;
        }
        match answer {
            Ok(Answer::Token { token, .. }) => {
                let text = within(&token, self.calls[index].context);
                self.leave(caller, text.expect("a token of the call's context"));
            }
            Ok(Answer::SignedIn) => self.end(index, Ending::Adopted),
            Ok(Answer::SignedOut { server_notified }) => {
                self.end(index, Ending::SignedOut { server_notified });
            }
            Err(error) => self.end(index, Ending::Failed(error)),
        }
    }

    fn end(&mut self, index: usize, ending: Ending) {
        self.calls[index].ended = self.now;
        self.calls[index].ending = Some(ending);
    }

    /// The context of the tab's calls.
    fn context_of(&self, tab: usize) -> &'static str {
        match tab % 3 {
            1 if self.has_contexts => "org_1",
            2 if self.has_contexts => "org_2",
            _ => "",
        }
    }

    /// A call is sent with this token, which must be valid when it arrives.
    fn leave(&mut self, caller: CallerId, text: String) {
        let index = usize::try_from(caller.0).unwrap_or(usize::MAX);
        let tab = self.calls[index].tab;
        // Any API rejects a forged token, which leads to a refresh.
        let expires = self.server.tokens.get(&text).map(|(expires, _)| *expires);
        if expires.is_some_and(|expires| self.now + TRANSIT_MS >= expires) {
            self.counts.expired_sent += 1;
            self.tell(format!("EXPIRED token sent by tab {tab} at {}", self.now));
        }
        let context = text.split_once('-').map_or("", |(_, context)| context);
        if context != self.calls[index].context && expires.is_some() {
            self.counts.wrong_context += 1;
        }
        if matches!(self.status(tab), Status::SignedOut { .. }) {
            self.counts.zombies += 1;
            self.tell(format!(
                "token sent by signed-out tab {tab} at {}",
                self.now
            ));
        }
        self.end(index, Ending::Token(text));
    }

    /// The session of the browser's cookie.
    pub fn cookie_session(&self, browser: usize) -> Option<SessionId> {
        self.browsers[browser]
            .cookie
            .as_ref()
            .map(|ticket| ticket.session)
    }

    /// The result of a caller.
    pub fn ending(&self, call: usize) -> Option<&Ending> {
        self.calls[call].ending.as_ref()
    }

    /// The distinct error codes of all callers, sorted.
    pub fn codes(&self) -> Vec<&'static str> {
        let codes = self.calls.iter().filter_map(|call| match &call.ending {
            Some(Ending::Failed(error)) => Some(error.code()),
            _ => None,
        });
        codes
            .collect::<std::collections::BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    /// Whether a caller received a token.
    pub fn got_token(&self, call: usize) -> bool {
        matches!(self.ending(call), Some(Ending::Token(_)))
    }
}

/// The token of a context; the token without one if the name is empty.
fn within(token: &Secret, context: &str) -> Option<String> {
    if context.is_empty() {
        return token.expose().split(' ').next().map(str::to_owned);
    }
    match token.find(context) {
        ContextToken::Granted(token) => Some(token.to_owned()),
        ContextToken::Refused | ContextToken::Missing => None,
    }
}
