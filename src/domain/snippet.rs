//! A request of the API as people paste it: for a shell, for JavaScript, for Python. Whatever stands in the input, each is a
//! program that sends exactly that.

use super::ModelName;
use serde_json::{Map, Value, json};

/// One request in three languages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippets {
    /// For a shell.
    pub curl: String,
    /// For Node and browsers, as a module.
    pub javascript: String,
    /// For Python, without a library.
    pub python: String,
}

impl Snippets {
    /// The request that asks `origin` for this input. The key is read from `ATELIER_API_KEY`.
    pub fn of(origin: &str, model: &ModelName, input: &Map<String, Value>) -> Self {
        let url = format!("{origin}/v1/models/{model}/predictions");
        let body = json!({"input": input});
        let pretty = serde_json::to_string_pretty(&body).unwrap_or_default();
        let curl = format!(
            "curl {url} \\\n  -H \"Authorization: Bearer $ATELIER_API_KEY\" \\\n  -H \"Content-Type: application/json\" \\\n  \
             -H \"Prefer: wait\" \\\n  -d {}",
            in_shell(&pretty),
        );
        let javascript = format!(
            "const answer = await fetch({}, {{\n  method: \"POST\",\n  headers: {{\n    Authorization: `Bearer ${{process.env.ATELIER_API_KEY}}`,\n    \
             \"Content-Type\": \"application/json\",\n    Prefer: \"wait\",\n  }},\n  body: JSON.stringify({}),\n}});\nconsole.log(await answer.json());",
            json!(url),
            indented(&pretty, 2),
        );
        let python = format!(
            "import json, os, urllib.request\n\nrequest = urllib.request.Request(\n    {},\n    data=json.dumps({}).encode(),\n    headers={{\n        \
             \"Authorization\": \"Bearer \" + os.environ[\"ATELIER_API_KEY\"],\n        \"Content-Type\": \"application/json\",\n        \
             \"Prefer\": \"wait\",\n    }},\n)\nwith urllib.request.urlopen(request) as answer:\n    print(json.load(answer))",
            json!(url),
            indented(&in_python(&body, 0), 4),
        );
        Self { curl, javascript, python }
    }
}

/// One word for a shell: nothing in single quotes means anything but the quote that ends them.
fn in_shell(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Every line but the first further in. Strings of JSON have no line breaks.
fn indented(text: &str, by: usize) -> String {
    text.replace('\n', &format!("\n{}", " ".repeat(by)))
}

/// A value as Python writes it. A string of JSON, as we write it, is one of Python too.
fn in_python(value: &Value, depth: usize) -> String {
    let (inner, outer) = (" ".repeat(depth * 4 + 4), " ".repeat(depth * 4));
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Array(items) if items.is_empty() => "[]".to_owned(),
        Value::Object(members) if members.is_empty() => "{}".to_owned(),
        Value::Array(items) => {
            let lines: Vec<_> = items.iter().map(|item| format!("{inner}{},\n", in_python(item, depth + 1))).collect();
            format!("[\n{}{outer}]", lines.concat())
        }
        Value::Object(members) => {
            let line = |(name, member): (&String, &Value)| format!("{inner}{}: {},\n", json!(name), in_python(member, depth + 1));
            format!("{{\n{}{outer}}}", members.iter().map(line).collect::<String>())
        }
        plain => plain.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_line_breaks_and_japanese_stay_what_they_are() {
        let hard = "it's \"夕焼け\"\nand \\ $HOME `ls` 🗼";
        let Value::Object(input) =
            json!({"prompt": hard, "go_fast": true, "images": [], "seed": null, "more": [1, {"a": false}]})
        else {
            panic!("an object")
        };
        let said = Snippets::of("https://a.example", &ModelName::trusted("o/n"), &input);
        // What a shell makes of the last argument is the body.
        let quoted = said.curl.split_once("-d ").expect("a body").1;
        let body = quoted.trim_matches('\'').replace(r"'\''", "'");
        assert_eq!(serde_json::from_str::<Value>(&body).expect("json")["input"]["prompt"], hard);
        assert!(said.javascript.contains(r#""it's \"夕焼け\"\nand \\ $HOME `ls` 🗼""#), "{}", said.javascript);
        assert!(said.python.contains("\"go_fast\": True") && said.python.contains("\"seed\": None"), "{}", said.python);
        assert!(said.python.contains("\"a\": False") && !said.python.contains("true"), "{}", said.python);
    }
}
