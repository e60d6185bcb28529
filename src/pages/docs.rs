//! `/docs/api`: the API, drawn from its OpenAPI document, without a script.

use crate::components::Porch;
use crate::domain::Viewer;
use crate::text;
use leptos::prelude::*;

/// The document as the page shows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiDocs {
    /// Where the API is.
    pub origin: String,
    /// What can be asked, in the order of the document.
    pub operations: Vec<ApiOperation>,
    /// What is answered.
    pub objects: Vec<ApiObject>,
}

/// One address and method.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiOperation {
    /// In capitals.
    pub method: String,
    /// With its parameters in braces.
    pub path: String,
    /// A sentence, English.
    pub summary: String,
    /// What can be said beside the body.
    pub parameters: Vec<ApiField>,
    /// The object that is sent, if one is.
    pub body: Option<String>,
    /// Statuses, with the object that comes with each.
    pub answers: Vec<(String, String)>,
}

/// An object and its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiObject {
    /// Its name.
    pub name: String,
    /// Its fields, in order.
    pub fields: Vec<ApiField>,
}

/// A field or a parameter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiField {
    /// Its name.
    pub name: String,
    /// Its type, or where a parameter stands.
    pub kind: String,
    /// Whether it must be there.
    pub required: bool,
    /// A sentence, English; may be empty.
    pub description: String,
}

/// The page.
#[component]
pub fn DocsPage(viewer: Viewer, docs: ApiDocs) -> impl IntoView {
    let said = &text::pages(viewer.lang).docs;
    let ApiDocs { origin, operations, objects } = docs;
    let example = format!(
        "curl {origin}/v1/models/black-forest-labs/flux-schnell/predictions \\\n  -H \"Authorization: Bearer $ATELIER_API_KEY\" \\\n  \
         -H \"Content-Type: application/json\" -H \"Prefer: wait\" \\\n  -d '{{\"input\": {{\"prompt\": \"a lighthouse at dusk\"}}}}'"
    );
    view! {
        <Porch viewer>
            <article class="docs">
                <h1>{said.title}</h1>
                <p>{said.lead}</p>
                <h2>{said.start.title}</h2>
                <p>{said.start.body} " " <a href="/keys">{said.keys}</a></p>
                <figure>
                    <figcaption>{said.example}</figcaption>
                    <pre tabindex="0"><code>{example}</code></pre>
                </figure>
                <p><a class="alone" href="/v1/openapi.json">{said.document}</a></p>
                {operations.into_iter().map(|operation| section(operation, said)).collect_view()}
                <h2>{said.objects}</h2>
                {objects
                    .into_iter()
                    .map(|object| {
                        let ApiObject { name, fields } = object;
                        view! {
                            <section lang="en">
                                <h3 id=name.clone()><code>{name.clone()}</code></h3>
                                {table(fields, said.required)}
                            </section>
                        }
                    })
                    .collect_view()}
            </article>
        </Porch>
    }
}

fn section(operation: ApiOperation, said: &'static text::DocsText) -> impl IntoView {
    let ApiOperation { method, path, summary, parameters, body, answers } = operation;
    view! {
        <section>
            <h2 class="docs-path"><code>{method} " " {path}</code></h2>
            <p lang="en">{summary}</p>
            {(!parameters.is_empty())
                .then(|| view! { <h3>{said.parameters}</h3> {table(parameters, said.required)} })}
            {body.map(|body| view! { <p>{said.body} ": " <code>{body}</code></p> })}
            <p>
                {said.answers} ": "
                {answers.into_iter().map(|(status, object)| view! { <code>{status} " " {object}</code> " " }).collect_view()}
            </p>
        </section>
    }
}

fn table(fields: Vec<ApiField>, required: &'static str) -> impl IntoView {
    let row = move |field: ApiField| {
        // What has no name of its own is what every other name leads to.
        let name = if field.name.is_empty() { "*".to_owned() } else { field.name };
        view! {
            <tr>
                <th scope="row"><code>{name}</code></th>
                <td><code>{field.kind}</code> {field.required.then(|| format!(" {required}"))}</td>
                <td lang="en">{field.description}</td>
            </tr>
        }
    };
    view! { <table class="docs-fields"><tbody>{fields.into_iter().map(row).collect_view()}</tbody></table> }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::samples;
    use crate::domain::Lang;

    #[test]
    fn every_operation_and_every_object_is_there_and_all_of_it_is_text() {
        let field = ApiField { name: "id".into(), kind: "string".into(), required: true, description: "<script>x".into() };
        let operation = ApiOperation { method: "GET".into(), path: "/v1/things/{id}".into(), ..ApiOperation::default() };
        let docs = ApiDocs {
            origin: "https://a.example".into(),
            operations: vec![ApiOperation { parameters: vec![field.clone()], ..operation }],
            objects: vec![ApiObject { name: "Thing".into(), fields: vec![field] }],
        };
        let viewer = samples::viewer(Lang::En);
        let html = Owner::new().with(|| view! { <DocsPage viewer docs /> }.to_html());
        assert!(
            html.contains("/v1/things/{id}") && html.contains("id=\"Thing\"") && html.contains("https://a.example/v1/"),
            "{html}"
        );
        assert!(!html.contains("<script") && html.contains("required"), "{html}");
    }
}
