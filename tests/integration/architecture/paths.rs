//! What a source names: the paths in its `use` lines and in its code. Comments, texts and visibilities don't count.

/// A path, word by word; `name` is what a `use` line calls its end (`*` for all that is there).
#[derive(Clone, Debug, PartialEq)]
pub struct Named {
    pub words: Vec<String>,
    pub name: Option<String>,
    /// Given on by `pub use`, to whomever.
    pub public: bool,
}

/// A source in words and signs.
pub struct Source {
    tokens: Vec<String>,
}

impl Source {
    pub fn new(text: &str) -> Source {
        Source { tokens: without_visibilities(tokens(text)) }
    }

    /// Without what is built for tests only. Gives the modules, too, that are tests in files of their own.
    pub fn without_tests(self) -> (Source, Vec<String>) {
        let (mut kept, mut modules) = (Vec::new(), Vec::new());
        let mut rest = &self.tokens[..];
        while let Some(first) = rest.first() {
            if rest.starts_with(&["#", "[", "cfg", "(", "test", ")", "]"].map(String::from)) {
                let item = &rest[7..7 + item_len(&rest[7..])];
                if let Some(at) = item.iter().position(|token| token == "mod") {
                    modules.extend(item.get(at + 1).filter(|_| item.ends_with(&[";".into()])).cloned());
                }
                rest = &rest[7 + item.len()..];
            } else {
                kept.push(first.clone());
                rest = &rest[1..];
            }
        }
        (Source { tokens: kept }, modules)
    }

    /// All paths of at least two words, and all that `use` lines name.
    pub fn paths(&self) -> Vec<Named> {
        let (mut found, mut at) = (Vec::new(), 0);
        while let Some(token) = self.tokens.get(at) {
            let rest = &self.tokens[at..];
            if token == "use" && rest.get(1).is_some_and(|next| next != "<") {
                let len = rest.iter().position(|token| token == ";").unwrap_or(rest.len());
                let public = at > 0 && self.tokens[at - 1] == "pub";
                tree(&rest[1..len], &[], public, &mut found);
                at += len;
            } else if is_word(token) {
                let mut words = vec![token.clone()];
                while let [colons, word, ..] = &rest[2 * words.len() - 1..]
                    && colons == "::"
                    && is_word(word)
                {
                    words.push(word.clone());
                }
                at += 2 * words.len() - 1;
                let within = at > 2 * words.len() - 1 && self.tokens[at - 2 * words.len()] == "::";
                if words.len() > 1 && !within {
                    found.push(Named { words, name: None, public: false });
                }
            } else {
                at += 1;
            }
        }
        found
    }
}

/// Takes a tree of a `use` line apart.
fn tree(tokens: &[String], before: &[String], public: bool, found: &mut Vec<Named>) {
    let words = tokens.iter().take_while(|token| is_word(token) || *token == "::");
    let mut path: Vec<String> = before.to_vec();
    path.extend(words.take_while(|word| *word != "as").filter(|word| *word != "::").cloned());
    match tokens.iter().position(|token| token == "{") {
        Some(open) => {
            let inside = &tokens[open + 1..tokens.len() - 1];
            let mut depth = 0;
            let part = |token: &String| {
                depth += i32::from(token == "{") - i32::from(token == "}");
                token == "," && depth == 0
            };
            inside.split(part).filter(|part| !part.is_empty()).for_each(|p| tree(p, &path, public, found));
        }
        None => {
            if path.last().is_some_and(|word| word == "self") && path.len() > 1 {
                path.pop();
            }
            let star = tokens.last().filter(|token| *token == "*").cloned();
            let alias = tokens.iter().position(|token| token == "as").and_then(|at| tokens.get(at + 1));
            let name = star.or(alias.cloned()).or(path.last().cloned());
            found.push(Named { words: path, name, public });
        }
    }
}

/// Tokens of the item that stands first: up to its semicolon or the end of its block.
fn item_len(tokens: &[String]) -> usize {
    let mut depth = 0;
    for (at, token) in tokens.iter().enumerate() {
        depth += i32::from("{[(".contains(token.as_str())) - i32::from("}])".contains(token.as_str()));
        if depth == 0 && (token == ";" || token == "}") {
            return at + 1;
        }
    }
    tokens.len()
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphabetic() || c == '_')
}

/// `pub(super)` and `pub(in some::path)` as `pub`.
fn without_visibilities(tokens: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::new();
    let mut tokens = tokens.into_iter().peekable();
    while let Some(token) = tokens.next() {
        let opens = token == "(" && kept.last().is_some_and(|last| last == "pub");
        if opens
            && tokens.peek().is_some_and(|next| ["crate", "super", "self", "in"].contains(&next.as_str()))
        {
            tokens.by_ref().take_while(|token| token != ")").for_each(drop);
        } else {
            kept.push(token);
        }
    }
    kept
}

/// Words, `::` and single signs, without comments and texts.
fn tokens(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let len = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("/*") {
            rest.find("*/").map_or(rest.len(), |end| end + 2)
        } else if let Some(len) = text_len(rest) {
            len
        } else if is_word(rest) || first.is_numeric() {
            let len = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            found.push(rest[..len].to_string());
            len
        } else if rest.starts_with("::") {
            found.push("::".to_string());
            2
        } else {
            found.extend((!first.is_whitespace()).then(|| first.to_string()));
            first.len_utf8()
        };
        rest = &rest[len..];
    }
    found
}

/// Bytes of the text or character that stands first, if one does; of a lifetime, only its mark.
fn text_len(rest: &str) -> Option<usize> {
    let prefix = ["", "b", "r", "br", "c"].iter().filter(|prefix| rest.starts_with(**prefix));
    let (prefix, body) =
        prefix.map(|p| (p.len(), &rest[p.len()..])).find(|(_, b)| b.starts_with(['"', '\'', '#']))?;
    if rest[..prefix].ends_with('r') {
        let hashes = body.bytes().take_while(|b| *b == b'#').count();
        let end = format!("\"{}", "#".repeat(hashes));
        let inside = body[hashes..].strip_prefix('"')?;
        return inside.find(&end).map(|at| prefix + hashes + 1 + at + end.len());
    }
    if let Some(inside) = body.strip_prefix('\'') {
        let first = inside.chars().next()?;
        let skipped = if first == '\\' { 2 } else { first.len_utf8() };
        let end = inside.get(skipped..)?.find('\'')?;
        return Some(if first == '\\' || end == 0 { prefix + 1 + skipped + end + 1 } else { 1 });
    }
    let inside = body.strip_prefix('"')?;
    let mut escaped = false;
    let end = inside.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    end.map(|at| prefix + 1 + at + 1)
}
