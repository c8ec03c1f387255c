//! YAML text as a tree of nodes with places, within bounds of depth and size. Anchors, aliases, merge
//! keys, tags and further documents are refused, so a small text cannot become a large tree.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError};

use super::diagnostic::{Origin, Report, Span};
use super::node::{Data, Key, Node, Style, shown};

/// Deepest nesting of lists and maps; the language itself needs five levels.
pub(super) const MAX_DEPTH: usize = 32;
/// Most values in one text.
pub(super) const MAX_NODES: usize = 50_000;

/// Reads one document. `shift` characters stand before the text in its line. Returns nothing when the
/// text is empty or its syntax is broken; mistakes are reported.
pub(super) fn read(text: &str, origin: Origin, shift: usize, report: &mut Report) -> Option<Node> {
    let mut builder = Builder { origin, shift, stack: Vec::new(), root: None, nodes: 0 };
    if let Some(span) = builder.control_character(text) {
        report.error(span, "a control character stands in the text", "remove it".to_owned());
        return None;
    }
    let mut parser = Parser::new_from_str(text);
    let mut documents = 0_usize;
    while let Some(event) = parser.next_event() {
        let (event, place) = match event {
            Ok(found) => found,
            Err(error) => {
                syntax(&error, &builder, report);
                return None;
            }
        };
        let span = builder.span(place);
        if matches!(event, Event::DocumentStart(_)) {
            documents += 1;
            if documents > 1 {
                let help = "one file holds one pipeline; remove everything from `---` or `...` on";
                report.error(span, "a second YAML document starts here", help.to_owned());
                return None;
            }
        }
        builder.nodes += 1;
        if builder.nodes > MAX_NODES {
            report.error(span, format!("more than {MAX_NODES} values"), "split the pipeline".to_owned());
            return None;
        }
        if builder.take(event, span, report).is_none() {
            too_deep(span, report);
            return None;
        }
    }
    builder.root
}

fn too_deep(span: Span, report: &mut Report) {
    let help = "a pipeline needs no more than five levels".to_owned();
    report.error(span, format!("nested more than {MAX_DEPTH} levels deep"), help);
}

/// A list or map that is still open.
enum Open {
    List(Vec<Node>),
    Map { entries: Vec<(Key, Node)>, key: Option<Key>, seen: HashMap<String, usize> },
}

struct Builder {
    origin: Origin,
    shift: usize,
    stack: Vec<(Open, Span)>,
    root: Option<Node>,
    nodes: usize,
}

impl Builder {
    fn span(&self, place: saphyr_parser::Span) -> Span {
        let (start, end) = (place.start, place.end);
        let column = start.col() + 1 + self.shift;
        // A value of several lines is underlined to the end of its first; the renderer clips it.
        let length = if start.line() == end.line() { end.col().saturating_sub(start.col()) } else { 200 };
        Span { origin: self.origin, line: start.line(), column, length: length.max(1) }
    }

    fn control_character(&self, text: &str) -> Option<Span> {
        let at = text.find(|c: char| c.is_control() && !matches!(c, '\t' | '\n'))?;
        let before = text.get(..at)?;
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1 + self.shift;
        Some(Span { origin: self.origin, line, column, length: 1 })
    }

    /// Takes one event; `None` when the nesting is too deep.
    fn take(&mut self, event: Event<'_>, span: Span, report: &mut Report) -> Option<()> {
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag) => (*anchor, tag.is_some()),
            Event::SequenceStart(anchor, tag) | Event::MappingStart(anchor, tag) => (*anchor, tag.is_some()),
            _ => (0, false),
        };
        if anchor > 0 {
            let help = "write the value out where it is needed".to_owned();
            report.error(span, "anchors (`&name`) are not accepted", help);
        }
        if tag {
            let help = "remove the `!...`; quotes make a value text".to_owned();
            report.error(span, "tags (`!name`) are not accepted", help);
        }
        match event {
            Event::Scalar(text, style, ..) => {
                let style = if style == ScalarStyle::Plain { Style::Plain } else { Style::Quoted };
                let data = Data::Scalar { text: text.into_owned(), style };
                self.attach(Node { span, data }, report);
            }
            Event::Alias(_) => {
                let help = "write the value out here; put quotes around a pattern that begins with `*`";
                report.error(span, "aliases (`*name`) are not accepted", help.to_owned());
                self.attach(Node { span, data: Data::Bad }, report);
            }
            Event::SequenceStart(..) | Event::MappingStart(..) if self.stack.len() >= MAX_DEPTH => {
                return None;
            }
            Event::SequenceStart(..) => self.stack.push((Open::List(Vec::new()), span)),
            Event::MappingStart(..) => {
                let open = Open::Map { entries: Vec::new(), key: None, seen: HashMap::new() };
                self.stack.push((open, span));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some((open, start)) = self.stack.pop() {
                    self.attach(close(open, start, span), report);
                }
            }
            _ => {}
        }
        Some(())
    }

    /// Puts a finished node where it belongs: the root, a list's end, a map's key or value.
    fn attach(&mut self, node: Node, report: &mut Report) {
        match self.stack.last_mut() {
            None => self.root = Some(node),
            Some((Open::List(items), _)) => items.push(node),
            Some((Open::Map { entries, key, seen }, _)) => match key.take() {
                None => *key = Some(as_key(node, report)),
                Some(key) if key.text.is_empty() => {}
                Some(key) => {
                    if let Some(line) = seen.get(&key.text) {
                        let help = format!("it stands first in line {line}; remove one of the two");
                        report.error(key.span, format!("duplicate key {}", shown(&key.text)), help);
                    } else {
                        seen.insert(key.text.clone(), key.span.line);
                        entries.push((key, node));
                    }
                }
            },
        }
    }
}

/// Turns a node into a key; one that cannot be a key is reported and becomes the empty key, whose entry
/// is dropped.
fn as_key(node: Node, report: &mut Report) -> Key {
    let span = node.span;
    let text = match node.data {
        Data::Scalar { text, style: Style::Plain } if text == "<<" => {
            let help = "write the keys out here".to_owned();
            report.error(span, "merge keys (`<<`) are not accepted", help);
            String::new()
        }
        Data::Scalar { text, .. } if text.is_empty() => {
            report.error(span, "a key is missing before `:`", "write `key: value`".to_owned());
            text
        }
        Data::Scalar { text, .. } => text,
        Data::Bad => String::new(),
        Data::List(_) | Data::Map(_) => {
            let help = "write `key: value`; put quotes around text that begins with `[` or `{`".to_owned();
            report.error(span, "a key has to be a word, found a list or a map", help);
            String::new()
        }
    };
    Key { text, span }
}

fn close(open: Open, start: Span, end: Span) -> Node {
    let flow_length = end.column + end.length;
    let mut span = start;
    let data = match open {
        Open::List(items) => Data::List(items),
        Open::Map { entries, .. } => {
            if let Some((key, _)) = entries.first().filter(|(key, _)| key.span.column == start.column) {
                // A block map has no token of its own.
                return Node { span: key.span, data: Data::Map(entries) };
            }
            Data::Map(entries)
        }
    };
    if end.line == start.line && flow_length > start.column {
        span.length = flow_length - start.column;
    }
    Node { span, data }
}

/// Reports what the YAML parser stopped at, in words that say what to do.
fn syntax(error: &ScanError, builder: &Builder, report: &mut Report) {
    let marker = error.marker();
    let info = error.info();
    let mut span = Span {
        origin: builder.origin,
        line: marker.line(),
        column: marker.col() + 1 + builder.shift,
        length: 1,
    };
    if info.contains("recursion limit") {
        return too_deep(span, report);
    }
    let sources = report.sources.clone();
    let line = sources.line(span.origin, span.line).unwrap_or_default();
    let lead: String = line.chars().take_while(|c| c.is_whitespace()).collect();
    if let Some(tab) = lead.chars().position(|c| c == '\t') {
        span.column = tab + 1;
        let help = "indent with spaces; most editors convert tabs on request".to_owned();
        return report.error(span, "a tab is used for indentation", help);
    }
    let rest: String = line.chars().skip(span.column - 1).take(200).collect();
    if rest.starts_with('*') || rest.starts_with('&') {
        let help = "put quotes around a pattern: `\"**/*.jpg\"`".to_owned();
        return report.error(span, "`*` and `&` begin an alias or anchor, which are not accepted", help);
    }
    if info.contains("escape")
        || (info.contains("quoted scalar") && line.contains("\"") && line.contains('\\'))
    {
        let message = "`\\` begins an escape inside double quotes, and this is none";
        let help = "write single quotes, in which `\\` is only itself: `'C:\\x'`; paths are written with `/`";
        return report.error(span, message, help.to_owned());
    }
    let ends_here = sources.line(span.origin, span.line + 1).is_none() && rest.trim().is_empty();
    let help = if line.contains("${") {
        "put quotes around a value with `${...}` inside `{ }` or `[ ]`"
    } else if info.contains("mapping values are not allowed") {
        "put quotes around a value that holds `: `, or check the indentation of this line"
    } else if ends_here || info.contains("illegal placement of ':'") || info.contains("flow") {
        "check that every `[`, `{` and quote is closed, and that commas stand between the values"
    } else if info.contains("quoted scalar") {
        "check that every quote is closed"
    } else if info.contains("block collection") || info.contains("block mapping") {
        "check the indentation: entries of one list or map begin in the same column"
    } else if info.contains("unexpected character") || info.contains("cannot start") {
        "put quotes around a value that begins with this character"
    } else {
        "check the indentation, the colons and the quotes here and in the line above"
    };
    report.error(span, format!("this is not valid YAML: {info}"), help.to_owned());
}
