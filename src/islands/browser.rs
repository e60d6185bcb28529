//! The browser, as the islands see it: the two small modules of JavaScript beside this file.
//!
//! Nothing here may be called while a page is rendered on the server; effects and event handlers never run there.

use leptos::web_sys::HtmlFormElement;
use wasm_bindgen::prelude::*;

#[wasm_bindgen(module = "/src/islands/stream.js")]
extern "C" {
    /// Follows the event stream from `since`; see the module for what `on_state` and `on_late` are told.
    pub fn follow(page: &str, since: f64, on_state: &Closure<dyn FnMut(String)>, on_late: &Closure<dyn FnMut(bool)>);
}

#[wasm_bindgen(module = "/src/islands/page.js")]
extern "C" {
    #[wasm_bindgen(js_name = uploaded, catch)]
    async fn uploaded_raw(form: &HtmlFormElement) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(js_name = post, catch)]
    async fn post_raw(action: &str, body: &str) -> Result<js_sys::Array, JsValue>;

    /// The parcel of the page, as it was written.
    pub fn parcel() -> String;

    /// The form's fields, urlencoded, under this request key.
    pub fn fields(form: &HtmlFormElement, request_key: &str) -> String;

    /// The value of one field, empty when there is none.
    pub fn field(form: &HtmlFormElement, name: &str) -> String;

    /// Sets the value of one field.
    #[wasm_bindgen(js_name = setField)]
    pub fn set_field(form: &HtmlFormElement, name: &str, value: &str);

    /// A new request key.
    #[wasm_bindgen(js_name = freshKey)]
    pub fn fresh_key() -> String;

    /// Keeps what the form shows in step with what is chosen in it, and lets files be put into it.
    #[wasm_bindgen(js_name = watchForm)]
    pub fn watch_form(form: &HtmlFormElement);

    /// Says what a press costs: the price of one prompt, what can be spent, and how many prompts there are.
    #[wasm_bindgen(js_name = showPrice)]
    pub fn show_price(form: &HtmlFormElement, price: i32, available: i32, prompts: usize);

    /// Whether a press can be sent; if not, the form says why.
    pub fn ready(form: &HtmlFormElement) -> bool;

    /// Shows why a press was refused: the status, and the answer.
    pub fn refused(form: &HtmlFormElement, status: u16, body: &str);

    /// Server time minus this machine's, in milliseconds.
    #[wasm_bindgen(js_name = clockOffset)]
    pub fn clock_offset(rendered: f64) -> f64;

    /// This machine's time, Unix milliseconds.
    pub fn now() -> f64;

    /// Shows how many run, and that something ended, in the title.
    #[wasm_bindgen(js_name = showInTitle)]
    pub fn show_in_title(running: i32, ended: bool);

    /// Copies a text; rejects when the browser forbids it.
    #[wasm_bindgen(catch)]
    pub async fn copy(text: &str) -> Result<JsValue, JsValue>;

    /// Loads the page again.
    pub fn reload();

    /// Marks the page as one whose islands have stopped.
    pub fn dead();
}

#[wasm_bindgen]
extern "C" {
    /// Tells whoever has the console open.
    #[wasm_bindgen(js_namespace = console)]
    pub fn warn(message: &str);

    /// Tells whoever has the console open.
    #[wasm_bindgen(js_namespace = console)]
    pub fn error(message: &str);
}

/// What the server said to a form that was posted.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body, JSON by contract.
    pub body: String,
}

/// Waits until no file of the form is on its way any more. Whether all of them came.
pub async fn uploaded(form: &HtmlFormElement) -> bool {
    uploaded_raw(form).await.is_ok_and(|came| came.is_truthy())
}

/// Posts a form's fields as the browser would, asking for JSON. `None` when no answer came.
pub async fn post(action: &str, body: &str) -> Option<Answer> {
    let answer = post_raw(action, body).await.ok()?;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an HTTP status")]
    let status = answer.get(0).as_f64()? as u16;
    Some(Answer { status, body: answer.get(1).as_string()? })
}
