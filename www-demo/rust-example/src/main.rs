//! A page in Yew whose session is the crate's own: it signs in, says who is there, and lists that user's devices.

use std::rc::Rc;

use js_sys::{Array, Function, JSON, Object, Reflect};
use nolapse::client::{Auth, Client, Notice, OptionError, Options};
use nolapse::core::Status;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{FormData, Headers, HtmlFormElement, RequestInit, Response, window};
use yew::platform::spawn_local;
use yew::prelude::*;

/// Starts the page's only session, with the auth server that the page comes from.
fn start(listener: impl Fn(&Notice) + 'static) -> Result<Client, OptionError> {
    let origin = window().and_then(|window| window.location().origin().ok());
    Client::new(
        &Options::new(Auth::Server(origin.unwrap_or_default())),
        listener,
    )
}

/// Asks the auth server for a session, as any page does.
fn ask(form: &HtmlFormElement) -> Result<JsValue, JsValue> {
    let fields = FormData::new_with_form(form)?;
    let body = Object::new();
    for name in ["email", "password"] {
        Reflect::set(&body, &name.into(), &fields.get(name))?;
    }
    let headers = Headers::new()?;
    headers.set("content-type", "application/json")?;
    headers.set("nolapse-version", "1")?;
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_headers(&headers);
    init.set_body(&JSON::stringify(&body)?.into());
    let window = window().ok_or("this is no page")?;
    Ok(window
        .fetch_with_str_and_init("/auth/sign-in", &init)
        .into())
}

/// Counts the user's devices. This endpoint of the auth server wants the cookie and the protocol's header, as a refresh
/// does; an API would be called without an `init`.
async fn count_devices(client: &Client) -> Result<u32, JsValue> {
    let headers = Headers::new()?;
    headers.set("nolapse-version", "1")?;
    let init = RequestInit::new();
    init.set_headers(&headers);
    let answer = client.fetch(&"/auth/sessions".into(), &init);
    let answer: Response = JsFuture::from(answer).await?.dyn_into()?;
    let body = JsFuture::from(answer.json()?).await?;
    let sessions = Reflect::get(&body, &"sessions".into())?;
    Ok(Array::from(&sessions).length())
}

#[component]
fn App() -> Html {
    let status = use_state_eq(|| Status::Unknown { degraded: None });
    let told = use_state(String::new);
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
        Err(error) => return html! { <p id="error">{ error.message.clone() }</p> },
    };
    match &*status {
        Status::Unknown { .. } => Html::default(),
        Status::SignedOut { .. } => sign_in_form(&client, &told),
        Status::SignedIn { session, .. } => home(&client, &session.user, &told),
    }
}

/// What a visitor sees.
fn sign_in_form(client: &Rc<Client>, told: &UseStateHandle<String>) -> Html {
    let onsubmit = {
        let (client, told) = (Rc::clone(client), told.clone());
        move |event: SubmitEvent| {
            event.prevent_default();
            let Some(form) = event.target_dyn_into::<HtmlFormElement>() else {
                return;
            };
            let (client, told) = (Rc::clone(&client), told.clone());
            spawn_local(async move {
                let ask = Closure::once_into_js(move || ask(&form));
                let adopted = client.adopt_with(ask.unchecked_ref::<Function>()).await;
                told.set(adopted.map_or_else(|_| "That is not right.".into(), |()| String::new()));
            });
        }
    };
    html! {
        <form {onsubmit}>
            <input name="email" type="email" required=true />
            <input name="password" type="password" required=true />
            <button>{ "Sign in" }</button>
            <p id="told">{ &**told }</p>
        </form>
    }
}

/// What a user sees.
fn home(client: &Rc<Client>, user: &str, told: &UseStateHandle<String>) -> Html {
    let count = {
        let (client, told) = (Rc::clone(client), told.clone());
        move |_| {
            let (client, told) = (Rc::clone(&client), told.clone());
            spawn_local(async move {
                let count = count_devices(&client).await;
                told.set(
                    count.map_or_else(|error| format!("{error:?}"), |count| count.to_string()),
                );
            });
        }
    };
    let leave = {
        let client = Rc::clone(client);
        move |_| {
            let client = Rc::clone(&client);
            spawn_local(async move {
                // Refused only where the session object was closed, and then nobody is here.
                drop(client.sign_out(false).await);
            });
        }
    };
    html! {
        <main>
            <p id="user">{ user.to_owned() }</p>
            <button id="count" onclick={count}>{ "Count my devices" }</button>
            <button id="leave" onclick={leave}>{ "Sign out" }</button>
            <p id="told">{ &**told }</p>
        </main>
    }
}

fn main() {
    yew::Renderer::<App>::new().render();
}
