//! Names that expressions may use at a place of the chain, and where each picture's values of them are.

use super::Sample;
use crate::codec::ExifData;
use crate::columns::{Column, ColumnType, Value, Zone};
use crate::expr::{Expression, Name, Wanted};
use crate::inputs::path_text;
use crate::ledger::{Fingerprint, hex};
use crate::spec::{Diagnostic, Diagnostics, Given};
use std::os::unix::ffi::OsStrExt;

/// Where a name's value is.
#[derive(Clone, Copy, Debug)]
enum ValueSource {
    /// What the file is.
    File(fn(&Sample) -> Value),
    /// What its EXIF block says.
    Exif(fn(&ExifData) -> Value),
    /// A column of the list, by its place.
    Listed(usize),
    /// What a step measured: its number in the chain, and which of its columns.
    Measured(usize, usize),
}

use ColumnType::{Bool, Float, Int, Text, Timestamp};

/// Names, each with the type of its values and where they are.
pub(crate) type NameTable<T> = &'static [(&'static str, ColumnType, fn(&T) -> Value)];

/// What is known of every file, before any step. Sizes are as stored, like those of tables and manifests.
static FILE: NameTable<Sample> = &[
    ("width", Int, |s| Value::Int(s.source.width.into())),
    ("height", Int, |s| Value::Int(s.source.height.into())),
    ("megapixels", Float, |s| Value::Float(f64::from(s.source.width) * f64::from(s.source.height) / 1e6)),
    ("format", Text, |s| Value::Text(s.source.format.name().to_string())),
    ("bit_depth", Int, |s| Value::Int(s.source.bit_depth.into())),
    ("channels", Int, |s| Value::Int(s.source.channels.into())),
    ("path", Text, |s| Value::Text(path_text(s.relative.as_os_str().as_bytes()))),
    ("lossless", Bool, |s| Value::Bool(s.source.lossless)),
    ("quality", Int, |s| known(s.source.quality, |quality| Value::Int(quality.into()))),
];

/// What EXIF blocks say, by the names of the columns that `measure` makes of it.
pub(crate) static EXIF: NameTable<ExifData> = &[
    ("taken", Timestamp(Zone::Local), |e| known(e.taken, |time| Value::Timestamp(time, Zone::Local))),
    ("taken_utc", Timestamp(Zone::Utc), |e| known(e.taken_utc(), |time| Value::Timestamp(time, Zone::Utc))),
    ("camera_make", Text, |e| known(e.make.clone(), Value::Text)),
    ("camera_model", Text, |e| known(e.model.clone(), Value::Text)),
    ("lens", Text, |e| known(e.lens.clone(), Value::Text)),
    ("iso", Int, |e| known(e.iso, Value::Int)),
    ("exposure_time", Float, |e| known(e.exposure_time, Value::Float)),
    ("f_number", Float, |e| known(e.f_number, Value::Float)),
    ("focal_length", Float, |e| known(e.focal_length, Value::Float)),
    ("gps_lat", Float, |e| known(e.position, |position| Value::Float(position.0))),
    ("gps_lon", Float, |e| known(e.position, |position| Value::Float(position.1))),
    ("gps_alt", Float, |e| known(e.altitude, Value::Float)),
    ("orientation", Int, |e| known(e.orientation, |turned| Value::Int(turned.into()))),
];

fn known<T>(value: Option<T>, value_of: impl Fn(T) -> Value) -> Value {
    value.map_or(Value::Null, value_of)
}

/// The names known before a step of the chain. Later ones hide earlier ones: what was measured a column of the list, that
/// what the file says.
#[derive(Debug)]
pub(crate) struct Scope {
    names: Vec<Name>,
    origins: Vec<ValueSource>,
    /// What each value follows from beside the file.
    identities: Vec<String>,
}

impl Scope {
    /// Before the first step, with the columns carried from a list.
    pub(crate) fn new(listed: &[Column]) -> Scope {
        let mut scope = Scope { names: Vec::new(), origins: Vec::new(), identities: Vec::new() };
        for (name, kind, value) in FILE {
            scope.add(Column::new(*name, *kind), ValueSource::File(*value), String::new());
        }
        for (name, kind, value) in EXIF {
            scope.add(Column::new(*name, *kind), ValueSource::Exif(*value), String::new());
        }
        for (at, column) in listed.iter().enumerate() {
            scope.add(column.clone(), ValueSource::Listed(at), "list".to_string());
        }
        scope
    }

    fn add(&mut self, column: Column, origin: ValueSource, identity: String) {
        self.names.push(Name { name: column.name, kind: column.kind });
        self.origins.push(origin);
        self.identities.push(identity);
    }

    /// The place of this column among those of the list.
    ///
    /// # Errors
    /// With the names that there are.
    pub(crate) fn listed(&self, name: &str) -> Result<usize, Vec<String>> {
        let listed = || {
            let all = self.names.iter().zip(&self.origins);
            all.filter_map(|(known, origin)| match origin {
                ValueSource::Listed(at) => Some((known.name.as_str(), *at)),
                _ => None,
            })
        };
        let found = listed().find(|(known, _)| *known == name).map(|(_, at)| at);
        found.ok_or_else(|| listed().map(|(known, _)| known.to_string()).collect())
    }

    /// Names of what steps measure.
    pub(crate) fn measured_names(&self) -> impl Iterator<Item = &str> {
        let all = self.names.iter().zip(&self.origins);
        all.filter(|(_, origin)| matches!(origin, ValueSource::Measured(..)))
            .map(|(known, _)| known.name.as_str())
    }

    /// Adds what the step at `number` of the chain measures.
    pub(crate) fn measured(&mut self, number: usize, columns: Vec<Column>, product: Fingerprint) {
        for (at, column) in columns.into_iter().enumerate() {
            self.add(column, ValueSource::Measured(number, at), hex(&product));
        }
    }

    /// Compiles an expression that stands in the pipeline.
    ///
    /// # Errors
    /// All mistakes of names and types, or the first one of grammar. `unmeasured` tells of a name what would measure it.
    pub(crate) fn formula(
        &self,
        text: &Given<String>,
        wanted: Wanted,
        unmeasured: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Formula, Diagnostics> {
        let expression = Expression::new(text, &self.names, wanted).map_err(|mistakes| {
            let told = mistakes.into_iter().map(|mistake| {
                let word = text.get(mistake.at.clone()).unwrap_or_default();
                let help = unmeasured(word).filter(|_| mistake.message.starts_with("unknown name"));
                text.place().part(text, mistake.at).error(mistake.message, Some(help.unwrap_or(mistake.help)))
            });
            Diagnostics::new(told.collect::<Vec<Diagnostic>>())
        })?;
        let names = expression.names();
        let from = |name: &usize| {
            let (known, of) = (&self.names[*name], &self.identities[*name]);
            (!of.is_empty()).then(|| format!(" {}@{of}", known.name))
        };
        let identity =
            format!("{:?}{}", expression.canonical(), names.iter().filter_map(from).collect::<String>());
        let origins = names.iter().map(|name| (*name, self.origins[*name])).collect();
        Ok(Formula { expression, origins, identity })
    }
}

/// What expressions may use, in Markdown.
pub(crate) fn reference() -> String {
    let names = |list: &mut dyn Iterator<Item = &'static str>| {
        list.map(|name| format!("`{name}`")).collect::<Vec<String>>().join(" ")
    };
    let file = names(&mut FILE.iter().map(|(name, ..)| *name));
    let exif = names(&mut EXIF.iter().map(|(name, ..)| *name));
    format!(
        "\n## Expressions\n\nTheir grammar is that of [CEL](https://cel.dev): `&& || !`, `== != < <= > >=`, `+ - * / %`, \
         `condition ? a : b`, `in [..]`. An expression that begins with `!`, `\"` or `[`, or has `: ` or ` #` in it, stands in \
         single quotes in YAML. They know\n\n\
         - what the file is: {file} (`quality` of JPEGs, estimated; sizes as stored)\n\
         - what its EXIF block says: {exif}\n\
         - the other columns of a list, where the input is one\n\
         - what `measure` and `embed` have measured before, by column, vectors excepted\n\n\
         Of equal names the later in this list counts. A value that a picture does not have is null: comparisons with it do \
         not hold, but `!=` with something else, and `== null`; what is calculated from it is null; and where true or false is wanted it is \
         false. Whole numbers and fractions mix; a whole number divided by another gives a whole number, as in CEL.\n\n{}",
        crate::expr::reference()
    )
}

/// An expression that can be evaluated for each picture.
#[derive(Clone, Debug)]
pub(crate) struct Formula {
    expression: Expression,
    /// The names it uses, by their places in the scope.
    origins: Vec<(usize, ValueSource)>,
    identity: String,
}

impl Formula {
    /// As it was written, on one line.
    pub(crate) fn text(&self) -> &str {
        self.expression.text()
    }

    /// What its value follows from beside the file: its text, and the identity of what it takes from steps and lists.
    pub(crate) fn identity(&self) -> &str {
        &self.identity
    }

    /// Whether it holds for a picture.
    pub(crate) fn holds(&self, sample: &Sample) -> bool {
        self.expression.holds(&|name| self.value(name, sample))
    }

    /// Its number for a picture; none where it depends on what the picture does not have, or is not finite.
    pub(crate) fn number(&self, sample: &Sample) -> Option<f64> {
        self.expression.number(&|name| self.value(name, sample))
    }

    fn value(&self, name: usize, sample: &Sample) -> Value {
        let origin = self.origins.iter().find(|(known, _)| *known == name).map(|(_, origin)| *origin);
        match origin {
            Some(ValueSource::File(value)) => value(sample),
            Some(ValueSource::Exif(value)) => value(&sample.exif),
            Some(ValueSource::Listed(at)) => sample.observed.listed.get(at).cloned().unwrap_or(Value::Null),
            Some(ValueSource::Measured(step, column)) => sample.observed.measured(step, column),
            None => Value::Null,
        }
    }

    /// Numbers of the steps whose measurements it needs.
    pub(crate) fn steps(&self) -> impl Iterator<Item = usize> {
        self.origins.iter().filter_map(|(_, origin)| match origin {
            ValueSource::Measured(step, _) => Some(*step),
            _ => None,
        })
    }

    /// Places of the columns of the list that it needs.
    pub(crate) fn listed(&self) -> impl Iterator<Item = usize> {
        self.origins.iter().filter_map(|(_, origin)| match origin {
            ValueSource::Listed(at) => Some(*at),
            _ => None,
        })
    }
}
