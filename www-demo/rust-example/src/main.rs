//! A page in Yew whose session is the crate's own: it signs in, shows the user, and counts that user's devices.

use std::rc::Rc;

use js_sys::{Array, Reflect};
use nolapse::client::{Client, Error, Notice, SignOutScope};
use nolapse::core::Status;
use serde::{Deserialize, Serialize};
use wasm_bindgen::JsValue;
use wasm_bindgen_futures::JsFuture;
use web_sys::{FormData, HtmlFormElement, Request, window};
use yew::platform::spawn_local;
use yew::prelude::*;

/// The user, as the auth server describes it.
#[derive(Deserialize)]
struct User {
    email: String,
}

/// What the sign-in form sends.
#[derive(Serialize)]
struct Credentials {
    email: String,
    password: String,
}

impl Credentials {
    fn of(form: &HtmlFormElement) -> Result<Self, JsValue> {
        let fields = FormData::new_with_form(form)?;
        let field = |name| fields.get(name).as_string().unwrap_or_default();
        Ok(Self {
            email: field("email"),
            password: field("password"),
        })
    }
}

/// Starts the page's only session, with the auth server that the page comes from.
fn start(listener: impl Fn(&Notice) + 'static) -> Result<Client, Error> {
    let origin = window().and_then(|window| window.location().origin().ok());
    Client::builder(origin.unwrap_or_default())
        .on_event(listener)
        .build()
}

/// Counts the user's devices. This endpoint of the auth server requires the cookie and the protocol's header; an API needs no
/// header of its own. A session that is bound to a key proves that it is here.
async fn count_devices(client: &Client) -> Result<u32, Error> {
    let request = Request::new_with_str("/auth/sessions")?;
    request.headers().set("nolapse-version", "1")?;
    if let Some(proof) = client.proof(&request.url(), "GET").await {
        request.headers().set("dpop", &proof)?;
    }
    let response = client.fetch(&request).await?;
    let body = JsFuture::from(response.json()?).await?;
    let sessions = Reflect::get(&body, &"sessions".into())?;
    Ok(Array::from(&sessions).length())
}

#[component]
fn App() -> Html {
    let status = use_state_eq(|| Status::Unknown { failure: None });
    let message = use_state(String::new);
    let client = {
        let status = status.setter();
        use_memo((), |()| {
            start(move |notice| {
                if let Notice::Status(new) = notice {
                    status.set(new.clone());
                }
            })
            .map(Rc::new)
        })
    };
    let client = match &*client {
        Ok(client) => Rc::clone(client),
        Err(error) => return html! { <p id="error">{ error.to_string() }</p> },
    };
    match &*status {
        Status::Unknown { .. } => Html::default(),
        Status::SignedOut { .. } => sign_in_form(&client, &message),
        Status::SignedIn { .. } => home(&client, &message),
    }
}

/// The page of a visitor.
fn sign_in_form(client: &Rc<Client>, message: &UseStateHandle<String>) -> Html {
    let onsubmit = {
        let (client, message) = (Rc::clone(client), message.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            let form = event.target_dyn_into::<HtmlFormElement>();
            let Some(Ok(credentials)) = form.map(|form| Credentials::of(&form)) else {
                return;
            };
            let (client, message) = (Rc::clone(&client), message.clone());
            spawn_local(async move {
                message.set(match client.sign_in(&credentials).await {
                    Ok(()) => String::new(),
                    Err(Error::SignInRefused { .. }) => "That is not right.".into(),
                    Err(error) => error.to_string(),
                });
            });
        }
    };
    html! {
        <form {onsubmit}>
            <input name="email" type="email" required=true />
            <input name="password" type="password" required=true />
            <button>{ "Sign in" }</button>
            <p id="told">{ &**message }</p>
        </form>
    }
}

/// The page of a user.
fn home(client: &Rc<Client>, message: &UseStateHandle<String>) -> Html {
    let count = {
        let (client, message) = (Rc::clone(client), message.clone());
        move |_| {
            let (client, message) = (Rc::clone(&client), message.clone());
            spawn_local(async move {
                let count = count_devices(&client).await;
                message.set(count.map_or_else(|error| error.to_string(), |n| n.to_string()));
            });
        }
    };
    let leave = {
        let client = Rc::clone(client);
        move |_| {
            let client = Rc::clone(&client);
            spawn_local(async move {
                // Rejected only if the session object was closed.
                drop(client.sign_out(SignOutScope::ThisSession).await);
            });
        }
    };
    let user = client.user::<User>().ok().flatten();
    html! {
        <main>
            <p id="user">{ user.map(|user| user.email) }</p>
            <button id="count" onclick={count}>{ "Count my devices" }</button>
            <button id="leave" onclick={leave}>{ "Sign out" }</button>
            <p id="told">{ &**message }</p>
        </main>
    }
}

fn main() {
    yew::Renderer::<App>::new().render();
}
