//! The JSON Schema of the language, made from the tables; editors complete and check YAML with it.

use serde_json::{Map, Value, json};

use super::check::CHOOSE;
use super::conditions::{CHOOSE_DOC, WHEN, is_conditional};
use super::language::{
    INPUT, INPUT_SECTION, INPUT_SHORTHAND, LIMITS, LIMITS_SECTION, SHARE, SHARE_DOC, STEPS_SECTION,
    SYNTH_INPUT, TOP,
};
use super::param::{Descriptor, Fallback, Kind, Param, Vocabulary};
use super::units::{BYTE_UNITS, PIXEL_UNITS};

/// The JSON Schema (draft 2020-12) of a pipeline with these words.
pub fn json_schema(vocabulary: &Vocabulary) -> Value {
    let mut properties = properties(TOP);
    let path = INPUT.iter().find(|param| param.name == INPUT_SHORTHAND).map(|param| kind(&param.kind));
    let path = path.unwrap_or_default();
    let shared = |params: &[Param]| object(&[params, SHARE].concat());
    let several = json!({
        "type": "array",
        "minItems": 1,
        "items": {"anyOf": [shared(INPUT), shared(SYNTH_INPUT), path]},
        "description": SHARE_DOC,
    });
    properties.insert(
        INPUT_SECTION.0.to_owned(),
        json!({"description": INPUT_SECTION.1, "anyOf": [object(INPUT), object(SYNTH_INPUT), path, several]}),
    );
    properties.insert(
        STEPS_SECTION.0.to_owned(),
        json!({
            "description": STEPS_SECTION.1,
            "type": "array",
            "minItems": 1,
            "items": {"$ref": "#/$defs/step"},
        }),
    );
    let train = vocabulary.train;
    let mut section = object(train.params);
    describe(&mut section, train.doc);
    properties.insert(train.name.to_owned(), section);
    let mut limits = object(LIMITS);
    describe(&mut limits, LIMITS_SECTION.1);
    properties.insert(LIMITS_SECTION.0.to_owned(), limits);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "safelight pipeline",
        "type": "object",
        "properties": properties,
        "required": required(TOP),
        "oneOf": [{"required": [INPUT_SECTION.0, STEPS_SECTION.0]}, {"required": [train.name]}],
        "additionalProperties": false,
        "$defs": definitions(vocabulary),
    })
}

/// The steps, and the registries that their parameters bring along.
fn definitions(vocabulary: &Vocabulary) -> Map<String, Value> {
    let mut found = Map::new();
    found.insert(
        "variable".to_owned(),
        json!({
            "type": "string",
            "pattern": "\\$\\{",
            "description": "Text with an environment variable, `${NAME}` or `${NAME:-default}`.",
        }),
    );
    found.insert("step".to_owned(), conditional(step(&vocabulary.steps), &vocabulary.steps));
    for (noun, inner) in nested(vocabulary) {
        found.insert(noun.to_owned(), step(&inner));
    }
    found
}

/// The schema of a step, with the conditions that steps of a pipeline take, and choices between them.
fn conditional(mut step: Value, registry: &[&'static Descriptor]) -> Value {
    let mut when = kind(&WHEN.kind);
    describe(&mut when, WHEN.doc);
    let Some(steps) = step.pointer_mut("/anyOf/0/properties").and_then(Value::as_object_mut) else {
        return step;
    };
    for known in registry.iter().filter(|known| is_conditional(known.role)) {
        let params = steps.get_mut(known.name).and_then(|step| step.pointer_mut("/anyOf/0/properties"));
        if let Some(params) = params.and_then(Value::as_object_mut) {
            params.insert(WHEN.name.to_owned(), when.clone());
        }
    }
    let inner = json!({"type": "array", "items": {"$ref": "#/$defs/step"}});
    let branch = |properties: Value, needed: &[&str]| json!({"type": "object", "properties": properties, "required": needed, "additionalProperties": false});
    steps.insert(
        CHOOSE.to_owned(),
        json!({
            "description": CHOOSE_DOC,
            "type": "array",
            "minItems": 1,
            "items": {"anyOf": [
                branch(json!({"when": when, "steps": inner}), &["when", "steps"]),
                branch(json!({"else": inner}), &["else"]),
            ]},
        }),
    );
    step
}

/// Every registry that a parameter takes steps of, by the name of its members.
pub(super) fn nested(vocabulary: &Vocabulary) -> Vec<(&'static str, Vec<&'static Descriptor>)> {
    let mut found: Vec<(&'static str, Vec<&'static Descriptor>)> = Vec::new();
    let all = vocabulary.steps.iter().chain([&vocabulary.train]);
    for param in all.flat_map(|known| known.params) {
        nested_in(&param.kind, &mut found);
    }
    found
}

fn nested_in(kind: &Kind, found: &mut Vec<(&'static str, Vec<&'static Descriptor>)>) {
    match kind {
        Kind::Steps { noun, registry } | Kind::Step { noun, registry }
            if found.iter().all(|(known, _)| known != noun) =>
        {
            found.push((noun, registry()));
        }
        Kind::List(item) => nested_in(item, found),
        Kind::Map(params) | Kind::Switch(params) => {
            params.iter().for_each(|param| nested_in(&param.kind, found))
        }
        _ => {}
    }
}

fn step(registry: &[&'static Descriptor]) -> Value {
    let bare: Vec<Value> = registry
        .iter()
        .filter(|known| required(known.params).is_empty())
        .map(|known| json!({"const": known.name, "description": known.doc}))
        .collect();
    let steps: Map<String, Value> =
        registry.iter().map(|known| (known.name.to_owned(), parameters(known))).collect();
    let long = json!({
        "type": "object",
        "properties": steps,
        "minProperties": 1,
        "maxProperties": 1,
        "additionalProperties": false,
    });
    json!({"anyOf": std::iter::once(long).chain(bare).collect::<Vec<_>>()})
}

/// What may stand behind a step's name.
fn parameters(step: &Descriptor) -> Value {
    let mut forms = vec![object(step.params)];
    let short = step.shorthand.and_then(|name| step.params.iter().find(|param| param.name == name));
    forms.extend(short.map(|param| kind(&param.kind)));
    if required(step.params).is_empty() {
        forms.push(json!({"type": "null"}));
    }
    json!({"description": step.doc, "anyOf": forms})
}

fn object(params: &[Param]) -> Value {
    json!({
        "type": "object",
        "properties": properties(params),
        "required": required(params),
        "additionalProperties": false,
    })
}

fn required(params: &[Param]) -> Vec<Value> {
    params
        .iter()
        .filter(|param| matches!(param.fallback, Fallback::Required))
        .map(|param| json!(param.name))
        .collect()
}

fn properties(params: &[Param]) -> Map<String, Value> {
    params
        .iter()
        .map(|param| {
            let mut schema = kind(&param.kind);
            describe(&mut schema, param.doc);
            if let (Fallback::Yaml(text), Some(map)) = (param.fallback, schema.as_object_mut())
                && let Ok(default) = serde_yaml::from_str::<Value>(text)
            {
                map.insert("default".to_owned(), default);
            }
            (param.name.to_owned(), schema)
        })
        .collect()
}

fn describe(schema: &mut Value, doc: &str) {
    if let Some(map) = schema.as_object_mut() {
        map.insert("description".to_owned(), json!(doc));
    }
}

/// The schema of a kind; a value that is no text may also come from a variable.
fn kind(of: &Kind) -> Value {
    let or_variable = |schema: Value| json!({"anyOf": [schema, {"$ref": "#/$defs/variable"}]});
    match of {
        Kind::Bool => or_variable(json!({"type": "boolean"})),
        Kind::Int { min, max } => {
            let mut schema = json!({"type": "integer"});
            bounds(
                &mut schema,
                (*min != i64::MIN).then(|| json!(min)),
                (*max != i64::MAX).then(|| json!(max)),
            );
            or_variable(schema)
        }
        Kind::Float { min, max } => {
            let mut schema = json!({"type": "number"});
            bounds(&mut schema, (*min > f64::MIN).then(|| json!(min)), (*max < f64::MAX).then(|| json!(max)));
            or_variable(schema)
        }
        Kind::Expression => json!({"type": ["string", "number", "boolean"], "minLength": 1}),
        Kind::Text | Kind::Path | Kind::Model | Kind::Glob => json!({"type": "string", "minLength": 1}),
        Kind::Folder => json!({"type": "string", "minLength": 1, "pattern": "^(?!/)(?!(.*/)?\\.\\.(/|$))"}),
        Kind::Choice(words) => or_variable(json!({"enum": choices(words)})),
        Kind::CountOr { max, words } => or_variable(json!({"anyOf": [
            {"type": "integer", "minimum": 0, "maximum": max},
            {"enum": words},
        ]})),
        Kind::Bytes => or_variable(json!({"anyOf": [
            {"const": "auto"},
            {"type": "integer", "minimum": 1},
            {"type": "string", "pattern": number_with(BYTE_UNITS)},
        ]})),
        Kind::Pixels => or_variable(json!({"anyOf": [
            {"type": "integer", "minimum": 1},
            {"type": "string", "pattern": number_with(PIXEL_UNITS)},
        ]})),
        Kind::Failures => or_variable(json!({"anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)? *%$"},
        ]})),
        Kind::Share => or_variable(json!({"anyOf": [
            {"type": "number", "minimum": 0, "maximum": 1},
            {"type": "string", "pattern": "^[0-9]+(\\.[0-9]+)? *%$"},
        ]})),
        Kind::List(item) => json!({"type": "array", "items": kind(item)}),
        Kind::Map(params) => object(params),
        Kind::Switch(params) => or_variable(json!({"anyOf": [{"type": "boolean"}, object(params)]})),
        Kind::Named(item) => json!({"type": "object", "additionalProperties": kind(item)}),
        Kind::Step { noun, .. } => json!({"anyOf": [{"$ref": format!("#/$defs/{noun}")}]}),
        Kind::Steps { noun, .. } => json!({"type": "array", "items": {"$ref": format!("#/$defs/{noun}")}}),
        Kind::Span(item) => json!({"anyOf": [
            kind(item),
            {"type": "array", "items": kind(item), "minItems": 2, "maxItems": 2},
        ]}),
    }
}

fn bounds(schema: &mut Value, min: Option<Value>, max: Option<Value>) {
    if let Some(map) = schema.as_object_mut() {
        map.extend(min.map(|min| ("minimum".to_owned(), min)));
        map.extend(max.map(|max| ("maximum".to_owned(), max)));
    }
}

/// The words, and for a word such as `2` also the number that YAML makes of it.
fn choices(words: &[&str]) -> Vec<Value> {
    let typed = |word: &&str| {
        serde_yaml::from_str::<Value>(word).ok().filter(|value| value.is_number() || value.is_boolean())
    };
    words.iter().flat_map(|word| std::iter::once(json!(word)).chain(typed(word))).collect()
}

fn number_with(units: &[(&str, u64)]) -> String {
    let names: Vec<&str> = units.iter().map(|(name, _)| *name).collect();
    format!("^[0-9]+(\\.[0-9]+)? *({})?$", names.join("|"))
}
