//! Whether the files that a configuration names are there and can be read.

use crate::config::document::{Document, value};
use crate::config::form::Form;
use crate::config::keys::{Key, SINK, SINKS, SOURCE, SOURCES, TOP};
use crate::config::mistake::Mistake;
use std::fs::File;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use weir_net::SecretPlace;

/// What is wrong with them.
pub(super) struct OfFiles {
    pub mistakes: Vec<Mistake>,
    /// Variables of the environment that are not set here; it is only said, because those of a service are set elsewhere.
    pub unset: Vec<String>,
}

/// Looks at all of them.
pub(super) fn mistakes(document: &Document, tree: &DeTable<'_>, warnings: &mut Vec<String>) -> OfFiles {
    let mut walk = Walk { document, mistakes: Vec::new(), unset: Vec::new(), warnings };
    walk.table("", "", &[TOP], tree);
    for (family, common, own) in [("source", SOURCE, SOURCES), ("sink", SINK, SINKS)] {
        let Some(DeValue::Table(tables)) = value(tree, family).map(Spanned::get_ref) else { continue };
        for (name, table) in tables {
            let DeValue::Table(table) = table.get_ref() else { continue };
            let of = value(table, "type").and_then(|value| value.get_ref().as_str());
            let keys = own.iter().find(|(name, _)| Some(*name) == of).map_or(&[][..], |(_, keys)| keys);
            walk.table(&format!("[{family}.{}]", name.get_ref()), "", &[common, keys], table);
        }
    }
    OfFiles { mistakes: walk.mistakes, unset: walk.unset }
}

struct Walk<'a> {
    document: &'a Document,
    mistakes: Vec<Mistake>,
    unset: Vec<String>,
    warnings: &'a mut Vec<String>,
}

impl Walk<'_> {
    fn table(&mut self, header: &str, before: &str, groups: &[&[Key]], table: &DeTable<'_>) {
        for (name, written) in table {
            let Some(key) =
                groups.iter().flat_map(|group| group.iter()).find(|key| key.name == name.get_ref())
            else {
                continue;
            };
            let full = format!("{before}{}", key.name);
            match (key.form, written.get_ref()) {
                (form, DeValue::Table(inner)) if form.keys().is_some() => {
                    let keys = form.keys().unwrap_or_default();
                    if header.is_empty() {
                        self.table(&format!("[{full}]"), "", &[keys], inner);
                    } else {
                        self.table(header, &format!("{full}."), &[keys], inner);
                    }
                }
                (Form::List(form), DeValue::Array(all)) => {
                    for one in all {
                        self.value((header, &full), *form, one);
                    }
                }
                (form, _) => self.value((header, &full), form, written),
            }
        }
    }

    fn value(&mut self, (header, key): (&str, &str), form: Form, written: &Spanned<DeValue<'_>>) {
        let Some(text) = written.get_ref().as_str().filter(|text| !text.is_empty()) else { return };
        let line = self.document.line(&written.span());
        let folder = self.document.folder();
        let found = match form {
            Form::File if key.ends_with("file") && is_secret(header, key) => secret(text, folder),
            Form::File => readable_file(&folder.join(text)),
            Form::Folder => readable_folder(&folder.join(text)),
            Form::Existing => readable(&folder.join(text)),
            Form::Indicators => match weir_intel::Source::parse(Path::new(text)) {
                Ok(source) => readable(&folder.join(source.path())),
                Err(error) => Err((error.to_string(), "docs/INDICATORS.md has all formats".to_owned())),
            },
            Form::Path if text != "-" && is_written(header, key) => writable(&folder.join(text)),
            Form::Variable if std::env::var_os(text).is_none() => {
                let place = if header.is_empty() { String::new() } else { format!("{header} ") };
                self.warnings.push(format!(
                    "line {line}: {place}`{key}`: ${text} is not set here; set it where weir is started"
                ));
                self.unset.push(text.to_owned());
                Ok(())
            }
            _ => Ok(()),
        };
        if let Err((what, remedy)) = found {
            self.mistakes.push(Mistake::at(Some(line), what, remedy).of(header, key));
        }
    }
}

type Found = Result<(), (String, String)>;

/// A file that comes to be.
fn is_written(header: &str, key: &str) -> bool {
    match header {
        "" => ["alerts", "flows", "names", "metrics"].contains(&key),
        header => header.starts_with("[sink.") && key == "path",
    }
}

/// `file` in tables that say where a secret lies.
fn is_secret(header: &str, key: &str) -> bool {
    !header.is_empty() && key.rsplit('.').next() == Some("file")
}

fn secret(text: &str, folder: &Path) -> Found {
    readable_file(&folder.join(text))?;
    let place = SecretPlace { file: Some(text.into()), env: None };
    match place.read(folder) {
        Ok(_) => Ok(()),
        Err(error) => Err((error.to_string(), "write the secret into the file, in one line".to_owned())),
    }
}

fn readable(path: &Path) -> Found {
    if path.is_dir() { readable_folder(path) } else { readable_file(path) }
}

fn readable_file(path: &Path) -> Found {
    let shown = path.display();
    match File::open(path).and_then(|file| file.metadata()) {
        Ok(about) if about.is_dir() => {
            Err((format!("{shown} is a folder"), "write the path of a file".to_owned()))
        }
        Ok(_) => Ok(()),
        Err(error) => Err(unreadable(path, &error)),
    }
}

fn readable_folder(path: &Path) -> Found {
    let shown = path.display();
    match path.metadata() {
        Ok(about) if !about.is_dir() => {
            Err((format!("{shown} is no folder"), "write the path of a folder".to_owned()))
        }
        _ => std::fs::read_dir(path).map(drop).map_err(|error| unreadable(path, &error)),
    }
}

fn writable(path: &Path) -> Found {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if folder.is_dir() {
        return Ok(());
    }
    let what = format!("there is no folder {}", folder.display());
    Err((what, format!("create it (mkdir -p {}), or write another path", folder.display())))
}

fn unreadable(path: &Path, error: &std::io::Error) -> (String, String) {
    let shown = path.display();
    match error.kind() {
        std::io::ErrorKind::NotFound => (
            format!("there is no {shown}"),
            "create it, or write the right path (relative ones begin in the folder of the configuration)"
                .to_owned(),
        ),
        std::io::ErrorKind::PermissionDenied => (
            format!("this user may not read {shown}"),
            "give the user who runs weir the right (chgrp weir, chmod 640), and check as that user"
                .to_owned(),
        ),
        _ => (format!("{shown} cannot be read: {error}"), "look at the file".to_owned()),
    }
}
