use super::*;
use weir_model::warninglist::Comparison;

fn corpora() -> Option<PathBuf> {
    let beside = concat!(env!("CARGO_MANIFEST_DIR"), "/../../shared/corpora");
    let corpora = std::env::var_os("WEIR_CORPORA").map_or_else(|| PathBuf::from(beside), PathBuf::from);
    let folder = corpora.join("intel");
    if !folder.is_dir() {
        println!("skipped: there are no corpora at {}", corpora.display());
    }
    folder.is_dir().then_some(folder)
}

fn written(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

#[test]
fn lists_are_found_in_a_checkout_in_a_folder_and_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path();
    let document = r#"{"name":"N","type":"hostname","matching_attributes":["domain"],"list":["a.example",""," ","bücher.example"]}"#;
    written(path, "lists/mine/list.json", document);
    written(path, "lists/other.json", r#"{"name":"O","list":{"b.example":"why"}}"#);
    written(path, "schema.json", "{}");
    written(path, "lists/.git/x.json", "{}");
    let found = load(path);
    assert_eq!(found.refused, []);
    let keys: Vec<(&str, Comparison, usize)> =
        found.lists.iter().map(|list| (&*list.key, list.comparison, list.entries.len())).collect();
    assert_eq!(keys, [("mine", Comparison::Hostname, 2), ("other", Comparison::String, 1)]);
    assert_eq!(&*found.lists[0].entries[1], "xn--bcher-kva.example");
    assert_eq!(&*found.lists[1].entries[0], "b.example");
    assert_eq!(load(&path.join("lists/mine/list.json")).lists, found.lists[..1]);
    assert_eq!(load(&path.join("lists/mine")).lists, found.lists[..1]);
}

#[test]
fn what_is_no_list_is_refused_and_the_others_count() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), "a.json", "[");
    written(folder.path(), "b.json", r#"{"name":"B","type":"fuzzy","list":[]}"#);
    written(folder.path(), "c.json", r#"{"name":"C","type":["cidr","string"],"list":["10.0.0.0/8"]}"#);
    let found = load(folder.path());
    assert_eq!(found.lists.len(), 1);
    assert_eq!(found.lists[0].comparison, Comparison::Cidr);
    let reasons: Vec<&str> = found.refused.iter().map(|refused| refused.reason.as_str()).collect();
    assert!(reasons[0].starts_with("no warninglist: "), "{reasons:?}");
    assert_eq!(reasons[1], "the type \"fuzzy\" is not one of string, substring, hostname, cidr, regex");
    let missing = load(&folder.path().join("missing"));
    assert_eq!((missing.lists.len(), missing.refused.len()), (0, 1));
}

#[test]
fn all_that_misp_publishes_is_read() {
    let Some(corpora) = corpora() else { return };
    let found = load(&corpora.join("misp-warninglists"));
    assert_eq!(found.refused, []);
    assert!(found.lists.len() >= 130, "{}", found.lists.len());
    let key = |list: &&Warninglist| &*list.key == "public-dns-v4";
    assert!(found.lists.iter().find(key).unwrap().entries.len() > 50_000);
}

#[test]
fn the_public_suffix_list_comes_with_its_names_as_they_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("psl.dat");
    fs::write(&path, "// ===BEGIN ICANN DOMAINS===\n*.рф\n!bücher.example\nco.uk\n").unwrap();
    let text = public_suffixes(&path).unwrap();
    assert_eq!(text, "// ===BEGIN ICANN DOMAINS===\n*.xn--p1ai\n!xn--bcher-kva.example\nco.uk\n");
    fs::write(&path, "<html>").unwrap();
    assert!(public_suffixes(&path).unwrap_err().contains("no public suffix list"));
}
