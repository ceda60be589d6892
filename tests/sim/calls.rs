//! What the app on a tab does: it calls APIs, signs in and out, asks for new tokens.

use nolapse::core::{Answer, Input, RequestId, SessionError, Span, Status};
use nolapse_domain::SessionId;

use super::World;

/// How long a call is on its way to the API.
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
    /// Whether it waits for a token, and may stop waiting.
    pub is_for_token: bool,
}

/// What a caller got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ending {
    /// A token, in clear: this is a simulation.
    Token(String),
    /// The sign-in was taken over.
    Adopted,
    /// The sign-out is done.
    SignedOut { server_told: bool },
    /// An error.
    Failed(SessionError),
    /// It stopped waiting.
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
    fn ask(&mut self, tab: usize, is_for_token: bool, user: u32) -> RequestId {
        self.calls.push(Call {
            tab,
            asked: self.now,
            ended: 0,
            ending: None,
            user,
            is_for_token,
        });
        RequestId(self.calls.len() as u64 - 1)
    }

    /// The caller behind a name, where the tab is its own.
    pub fn call(&self, tab: usize, request: RequestId) -> Option<&Call> {
        let index = usize::try_from(request.0).ok()?;
        self.calls.get(index).filter(|call| call.tab == tab)
    }

    fn can_ask(&self, tab: usize) -> bool {
        self.tabs[tab].runs(&self.browsers[self.tabs[tab].browser])
    }

    /// The app calls an API: at once where there is a usable token. Returns the caller's number.
    pub fn api(&mut self, tab: usize) -> Option<usize> {
        if !self.can_ask(tab) {
            return None;
        }
        let request = self.ask(tab, true, 0);
        let browser = self.tabs[tab].browser;
        let moment = self.tabs[tab].moment(self.now, &self.browsers[browser]);
        self.tabs[tab].core.touch(moment.now);
        let usable = self.tabs[tab].core.usable_token(moment.now);
        let text = usable.map(|(token, _)| token.expose().to_owned());
        match text {
            Some(text) => self.leave(request, text),
            None => self.feed(
                tab,
                Input::TokenRequested {
                    request,
                    min_validity: Span::ZERO,
                },
            ),
        }
        Some(self.calls.len() - 1)
    }

    /// The app asks for a token with so much life left.
    pub fn get_token(&mut self, tab: usize, min_validity: Span) -> usize {
        let request = self.ask(tab, true, 0);
        self.feed(
            tab,
            Input::TokenRequested {
                request,
                min_validity,
            },
        );
        self.calls.len() - 1
    }

    /// The app asks for a new token.
    pub fn refresh(&mut self, tab: usize, force: bool) -> Option<usize> {
        if !self.can_ask(tab) {
            return None;
        }
        let request = self.ask(tab, true, 0);
        self.feed(tab, Input::RefreshRequested { request, force });
        Some(self.calls.len() - 1)
    }

    /// An API refuses the token in use.
    pub fn reject(&mut self, tab: usize) -> Option<usize> {
        if !self.can_ask(tab) {
            return None;
        }
        let browser = self.tabs[tab].browser;
        let moment = self.tabs[tab].moment(self.now, &self.browsers[browser]);
        let (_, version) = self.tabs[tab].core.usable_token(moment.now)?;
        let request = self.ask(tab, true, 0);
        self.feed(tab, Input::TokenRejected { request, version });
        Some(self.calls.len() - 1)
    }

    /// The caller stops waiting.
    pub fn abort(&mut self, call: usize) {
        if self.calls[call].ending.is_some() || !self.can_ask(self.calls[call].tab) {
            return;
        }
        let request = RequestId(call as u64);
        self.calls[call].ending = Some(Ending::Aborted);
        self.feed(self.calls[call].tab, Input::RequestAborted { request });
    }

    /// The user signs in.
    pub fn sign_in(&mut self, tab: usize, user: u32) -> Option<usize> {
        if !self.can_ask(tab) {
            return None;
        }
        let request = self.ask(tab, false, user);
        self.feed(tab, Input::AdoptRequested { request });
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
        let request = self.ask(tab, false, 0);
        self.feed(
            tab,
            Input::SignOutRequested {
                request,
                everywhere,
            },
        );
        Some(self.calls.len() - 1)
    }

    pub fn settle(&mut self, tab: usize, request: RequestId, answer: Result<Answer, SessionError>) {
        let index = usize::try_from(request.0).unwrap_or(usize::MAX);
        assert_eq!(
            self.calls[index].tab, tab,
            "an answer went to another tab's caller"
        );
        if self.calls[index].ending.is_some() {
            self.counts.answered_twice += 1;
            return;
        }
        match answer {
            Ok(Answer::Token { token, .. }) => self.leave(request, token.expose().to_owned()),
            Ok(Answer::Adopted) => self.end(index, Ending::Adopted),
            Ok(Answer::SignedOut { server_told }) => {
                self.end(index, Ending::SignedOut { server_told });
            }
            Err(error) => self.end(index, Ending::Failed(error)),
        }
    }

    fn end(&mut self, index: usize, ending: Ending) {
        self.calls[index].ended = self.now;
        self.calls[index].ending = Some(ending);
    }

    /// A call leaves with this token, which must be good when it arrives.
    fn leave(&mut self, request: RequestId, text: String) {
        let index = usize::try_from(request.0).unwrap_or(usize::MAX);
        let tab = self.calls[index].tab;
        // A forged token is refused by any API, and leads to a new one.
        let expires = self.server.tokens.get(&text).map(|(expires, _)| *expires);
        if expires.is_some_and(|expires| self.now + TRANSIT_MS >= expires) {
            self.counts.expired_sent += 1;
            self.tell(format!("EXPIRED token sent by tab {tab} at {}", self.now));
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

    /// The session behind the browser's cookie.
    pub fn cookie_session(&self, browser: usize) -> Option<SessionId> {
        self.browsers[browser]
            .cookie
            .as_ref()
            .map(|ticket| ticket.session)
    }

    /// What a caller got.
    pub fn ending(&self, call: usize) -> Option<&Ending> {
        self.calls[call].ending.as_ref()
    }

    /// The codes that callers got, sorted, each once.
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

    /// Whether a caller got a token.
    pub fn got_token(&self, call: usize) -> bool {
        matches!(self.ending(call), Some(Ending::Token(_)))
    }
}
