use super::*;
use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use tempfile::TempDir;
use weir_model::Indicator;

/// All that was read: each value once, in the order first read, with the contexts of every line that has it.
pub(crate) struct All {
    pub(crate) indicators: Vec<Indicator>,
    pub(crate) refused: Vec<Refusal>,
    pub(crate) stats: LoadStats,
}

pub(crate) fn load_path(path: &Path) -> All {
    load_path_up_to(usize::MAX, path)
}

/// Takes so many different values; further ones are told that there is no room.
fn load_path_up_to(room: usize, path: &Path) -> All {
    let mut indicators: Vec<Indicator> = Vec::new();
    let mut position: HashMap<IndicatorValue, usize> = HashMap::new();
    let loaded = load_paths_into([path], &mut |value, context| {
        if let Some(known) = position.get(&value) {
            indicators[*known].contexts.push(context);
            Taken::Repeated
        } else if indicators.len() >= room {
            Taken::Full
        } else {
            position.insert(value.clone(), indicators.len());
            indicators.push(Indicator::new(value, vec![context]));
            Taken::New
        }
    });
    let all = All { indicators, refused: loaded.refused, stats: loaded.stats };
    assert_balanced(&all);
    all
}

pub(crate) fn load(name: &str, content: impl AsRef<[u8]>) -> All {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join(name);
    fs::write(&path, content).unwrap();
    load_path(&path)
}

/// As `load`, with a format and its options before the path.
pub(crate) fn load_named(format: &str, content: impl AsRef<[u8]>) -> All {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("list");
    fs::write(&path, content).unwrap();
    load_path(Path::new(&format!("{format}:{}", path.display())))
}

fn assert_balanced(loaded: &All) {
    let stats = &loaded.stats;
    assert_eq!(stats.indicators, loaded.indicators.len() as u64);
    let contexts: usize = loaded.indicators.iter().map(|indicator| indicator.contexts.len()).sum();
    assert_eq!(stats.indicators + stats.repeated, contexts as u64, "every taken value was handed on");
    assert_eq!(stats.values, stats.indicators + stats.repeated + stats.refused, "{stats:?}");
    assert_eq!(
        stats.refused + stats.files_refused,
        stats.refused_by_reason.values().sum::<u64>(),
        "{stats:?}"
    );
}

/// A folder or file of real inputs; `None`, said aloud, where they are absent.
pub(crate) fn corpus(name: &str) -> Option<std::path::PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora");
    let path = std::env::var_os("WEIR_CORPORA").map_or_else(beside, Into::into).join(name);
    if path.exists() {
        return Some(path);
    }
    println!("skipped: {} is absent", path.display());
    None
}

/// How many indicators there are of each kind.
pub(crate) fn kinds(loaded: &All) -> BTreeMap<&'static str, usize> {
    let mut kinds = BTreeMap::new();
    for indicator in &loaded.indicators {
        *kinds.entry(indicator.value.kind()).or_default() += 1;
    }
    kinds
}

/// The JSON pointer and the reason of each refusal.
pub(crate) fn pointers(loaded: &All) -> Vec<(String, RefusalReason)> {
    let pointer = |refusal: &Refusal| match &refusal.place {
        Place::Pointer(pointer) => pointer.clone(),
        other => panic!("no pointer: {other:?}"),
    };
    loaded.refused.iter().map(|refusal| (pointer(refusal), refusal.reason)).collect()
}

/// `kind value | description | line`, one for each indicator.
fn shown(loaded: &All) -> Vec<String> {
    let line = |indicator: &Indicator| {
        let context = &indicator.contexts[0];
        let description = context.description.as_deref().unwrap_or("-");
        format!("{} {} | {description} | {}", indicator.value.kind(), indicator.value, context.line.unwrap())
    };
    loaded.indicators.iter().map(line).collect()
}

/// The line (0: the whole file) and the reason of each.
fn refused(loaded: &All) -> Vec<(u32, RefusalReason)> {
    let line = |refusal: &Refusal| match &refusal.place {
        Place::Line(line) => *line,
        Place::File => 0,
        Place::Pointer(pointer) => panic!("no line: {pointer}"),
    };
    loaded.refused.iter().map(|refusal| (line(refusal), refusal.reason)).collect()
}

#[test]
fn plain_lists_keep_comments_and_refuse_line_by_line() {
    let loaded = load(
        "bad.txt",
        "\u{feff}# a list\r\n\r\n# C2 of X https://report.example/\r\nevil.example\r\n192.0.2.1;65\r\n192.0.2.9# glued\r\n\r\n\
         192.0.2.2\t10\n192.0.2.3 # seen by us\n// note\n; note\nhttp://evil.example/a;b#c ; panel\n\
         198.51.100.0/24 // net\nlocalhost\n\n# Reference: https://x.example/1\n\n198.51.100.1,two words\nevil dot example\n",
    );
    assert_eq!(
        shown(&loaded),
        [
            "domain evil.example | C2 of X https://report.example | 4",
            "address 192.0.2.1 | 65 | 5",
            "address 192.0.2.9 | glued | 6",
            "address 192.0.2.2 | 10 | 8",
            "address 192.0.2.3 | seen by us | 9",
            "url evil.example/a;b | panel | 12",
            "network 198.51.100.0/24 | net | 13",
            "address 198.51.100.1 | two words | 18",
        ]
    );
    assert_eq!(loaded.indicators[7].contexts[0].reference.as_deref(), Some("https://x.example/1"));
    assert_eq!(&*loaded.indicators[0].contexts[0].source, "bad.txt");
    assert_eq!(refused(&loaded), [(14, RefusalReason::NameWithoutDot)]);
    assert_eq!(loaded.stats.repeated, 1);
}

#[test]
fn hosts_files() {
    let loaded = load(
        "hosts",
        "127.0.0.1 localhost\n::1 ip6-localhost ip6-loopback\n0.0.0.0 evil.example # ads\n127.0.0.1\ta.example b.example\n0.0.0.0 0.0.0.0\n",
    );
    assert_eq!(
        shown(&loaded),
        ["domain evil.example | ads | 3", "domain a.example | - | 4", "domain b.example | - | 4"]
    );
    assert_eq!(
        loaded.stats.refused_by_reason,
        BTreeMap::from([(RefusalReason::NameWithoutDot, 3), (RefusalReason::SpecialAddress, 1)])
    );
}

#[test]
fn tables_with_header() {
    let loaded = load(
        "feed.csv",
        "type,value,comment,tlp,confidence,first_seen,tags,reference\n\
         domain,evil[.]example,\"C2, stage 2\",TLP:AMBER,80,2024-01-02 03:04:05,\"a,b\",https://r.example/\n\
         hostname,www.evil.example,,white,high,,,\n\
         url,evil.example,,,,,,\n\
         ip-dst|port,192.0.2.1|443,,,,,,\n\
         sha256_hash,e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855,,,,,,\n\
         x509-fingerprint-sha1,9e393d93138888d288266c2d915214d1d1cceb2a,,,,,,\n\
         domain\n",
    );
    assert_eq!(
        shown(&loaded),
        [
            "domain evil.example | C2, stage 2 | 2",
            "host www.evil.example | - | 3",
            "url evil.example/ | - | 4",
            "address_port 192.0.2.1:443 | - | 5",
            "certificate_sha1 9e393d93138888d288266c2d915214d1d1cceb2a | - | 7",
        ]
    );
    let context = &loaded.indicators[0].contexts[0];
    assert_eq!(context.tlp, Some(weir_model::Tlp::Amber));
    assert_eq!(context.confidence, Some(80));
    assert_eq!(context.first_seen, Some(weir_model::Timestamp::new(1_704_164_645, 0)));
    assert_eq!(context.tags.len(), 2);
    assert_eq!(context.reference.as_deref(), Some("https://r.example/"));
    assert_eq!(refused(&loaded), [(6, RefusalReason::FileHash), (8, RefusalReason::BadRow)]);
}

/// MISP's own export as CSV.
#[test]
fn tables_of_misp() {
    let loaded = load(
        "misp.csv",
        "uuid,event_id,category,type,value,comment,to_ids,date\n\
         a,1,\"Network activity\",ip-dst|port,2001:db8::1|443,C2,1,1704164645\n\
         b,1,\"Network activity\",domain|ip,evil.example|192.0.2.1,,1,1704164645\n\
         c,1,\"Network activity\",domain,good.example,,0,1704164645\n\
         d,1,\"Network activity\",hostname|port,www.evil.example|443,,1,1704164645\n",
    );
    assert_eq!(
        shown(&loaded),
        [
            "address_port [2001:db8::1]:443 | C2 | 2",
            "domain evil.example | - | 3",
            "address 192.0.2.1 | - | 3"
        ]
    );
    assert_eq!(refused(&loaded), [(4, RefusalReason::NotForDetection), (5, RefusalReason::NameWithPort)]);
}

#[test]
fn exports_of_abuse_ch() {
    let threatfox = "################\n# ThreatFox IOCs: recent                 #\n################\n#\n\
        # \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\",\"threat_type\",\"fk_malware\",\"malware_alias\",\"malware_printable\",\"last_seen_utc\",\"confidence_level\",\"reference\",\"tags\",\"anonymous\",\"reporter\"\n\
        \"2024-01-02 03:04:05\", \"1\", \"192.0.2.1:4444\", \"ip:port\", \"botnet_cc\", \"win.x\", \"None\", \"X, the loader\", \"\", \"100\", \"None\", \"x,y\", \"0\", \"someone\"\n\
        \"2024-01-02 03:04:05\", \"2\", \"0123456789abcdef0123456789abcdef\", \"md5_hash\", \"payload\", \"win.x\", \"None\", \"X\", \"\", \"50\", \"None\", \"\", \"0\", \"someone\"\n\
        # Number of entries: 2\n";
    let loaded = load("threatfox", threatfox);
    assert_eq!(shown(&loaded), ["address_port 192.0.2.1:4444 | botnet_cc, X, the loader | 6"]);
    assert_eq!(loaded.indicators[0].contexts[0].confidence, Some(100));
    assert_eq!(loaded.indicators[0].contexts[0].reference, None);
    assert_eq!(refused(&loaded), [(7, RefusalReason::FileHash)]);

    let urlhaus = "# abuse.ch URLhaus\n#\n# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\n\
        \"7\",\"2024-01-02 03:04:05\",\"http://192.0.2.1:8080/a,b\",\"online\",\"\",\"malware_download\",\"elf\",\"https://urlhaus.example/url/7/\",\"x\"\n";
    assert_eq!(shown(&load("urlhaus.txt", urlhaus)), ["url 192.0.2.1:8080/a,b | malware_download | 4"]);

    let feodo = "# Feodo\n\"first_seen_utc\",\"dst_ip\",\"dst_port\",\"c2_status\",\"last_online\",\"malware\"\n\
        \"2021-01-17 07:30:05\",\"192.0.2.1\",\"443\",\"offline\",\"2024-01-02\",\"Dridex\"\n";
    assert_eq!(shown(&load("feodo.csv", feodo)), ["address 192.0.2.1 | Dridex, port 443 | 3"]);

    let sslbl = "# Listingdate,SHA1,Listingreason\n2024-01-02 03:04:05,9e393d93138888d288266c2d915214d1d1cceb2a,X C&C\n";
    assert_eq!(
        shown(&load("sslbl.csv", sslbl)),
        ["certificate_sha1 9e393d93138888d288266c2d915214d1d1cceb2a | X C&C | 2"]
    );
}

#[test]
fn tables_without_header_and_with_other_delimiters() {
    let rows = "2024-01-02;X;http://evil.example/a;up\n2024-01-03;Y;evil.example/b;down\n";
    assert_eq!(
        shown(&load("x.txt", rows)),
        ["url evil.example/a | 2024-01-02, X, up | 1", "url evil.example/b | 2024-01-03, Y, down | 2"]
    );
    let piped = "64496  |  AS NAME, XX  |  192.0.2.1  |  2024-01-02 03:04:05  |  ssh\n";
    assert_eq!(load("x.txt", piped).indicators[0].value.to_string(), "192.0.2.1");
    assert_eq!(load("x.tsv", "c2\tevil.example\nc2\tbad.example\n").indicators.len(), 2);
    // URLs that hold the delimiter are not split, whatever the extension.
    let urls = load("urls.csv", "url\nhttp://evil.example/a,b\nhttp://evil.example/c\n");
    assert_eq!(shown(&urls), ["url evil.example/a,b | - | 2", "url evil.example/c | - | 3"]);
    assert_eq!(
        load("urls.csv", "http://evil.example/a,b\n").indicators[0].value.to_string(),
        "evil.example/a,b"
    );
}

#[test]
fn a_forgotten_quotation_mark_costs_one_row() {
    let loaded = load(
        "x.csv",
        "domain,comment\n\"a.example,open\nb.example,fine\n\"c.example\",\"two\nlines\"\nd.example,\n",
    );
    assert_eq!(
        shown(&loaded),
        ["domain b.example | fine | 3", "domain c.example | two\nlines | 4", "domain d.example | - | 6"]
    );
    assert_eq!(refused(&loaded), [(2, RefusalReason::BadRow)]);
}

#[test]
fn what_is_no_list_is_refused_as_a_whole() {
    for (content, reason) in [
        (b"\x7fELF\0\0".as_slice(), RefusalReason::NotText),
        (b"\xff\xfee\0v\0".as_slice(), RefusalReason::NotText),
        (b" {\"some\": {}}", RefusalReason::UnsupportedFormat),
        (b"[\n{}]", RefusalReason::UnsupportedFormat),
        (b"<html>", RefusalReason::UnsupportedFormat),
    ] {
        let loaded = load("x", content);
        assert_eq!(refused(&loaded), [(0, reason)]);
        assert_eq!(loaded.stats.files_refused, 1);
    }
    assert!(load("empty.txt", "").refused.is_empty());
    assert_eq!(refused(&load_path(Path::new("/nonexistent/list"))), [(0, RefusalReason::UnreadableFile)]);
}

#[test]
fn folders_in_order_and_packed_files() {
    let folder = TempDir::new().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("sub")).unwrap();
    fs::write(root.join("b.txt"), "two.example\none.example # again\n").unwrap();
    fs::write(root.join(".hidden"), "hidden.example\n").unwrap();
    fs::write(root.join("sub/c.txt.zst"), zstd::encode_all(&b"three.example\n"[..], 0).unwrap()).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(b"value,comment\none.example,first\n").unwrap();
    let packed = gzip.finish().unwrap();
    fs::write(root.join("a.csv.gz"), &packed).unwrap();
    fs::write(root.join("sub/d.gz"), &packed[..packed.len() - 9]).unwrap();
    let loaded = load_path(root);
    assert_eq!(
        shown(&loaded),
        ["domain one.example | first | 2", "domain two.example | - | 1", "domain three.example | - | 1"]
    );
    let sources: Vec<_> = loaded.indicators[0].contexts.iter().map(|context| &*context.source).collect();
    assert_eq!(sources[..2], ["a.csv.gz", "b.txt"]);
    assert_eq!(&*loaded.indicators[2].contexts[0].source, "sub/c.txt.zst");
    assert_eq!(refused(&loaded), [(0, RefusalReason::UnreadableFile)]);
}

#[test]
fn refused_text_is_harmless_and_short() {
    let loaded = load("x.txt", format!("\x1b[2J\u{202e}\nbad!{}\n", "x".repeat(3000)));
    assert_eq!(loaded.refused[0].text, "\\u{1b}[2J\\u{202e}");
    assert!(loaded.refused[1].text.len() < MAX_REFUSED_TEXT_BYTES + 10);
}

/// Opening a pipe would wait for whoever writes to it.
#[test]
fn a_folder_yields_regular_files_only() {
    let folder = TempDir::new().unwrap();
    std::os::unix::net::UnixListener::bind(folder.path().join("socket")).unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("circle")).unwrap();
    std::os::unix::fs::symlink("/nonexistent/list", folder.path().join("broken")).unwrap();
    let reasons = load_path(folder.path()).stats.refused_by_reason;
    assert_eq!(reasons.keys().collect::<Vec<_>>(), [&RefusalReason::UnreadableFile]);
}

#[test]
fn caps_hold() {
    let loaded = load("x.txt", "junk\n".repeat(MAX_REFUSALS_LISTED + 5));
    assert_eq!(loaded.refused.len(), MAX_REFUSALS_LISTED);
    assert_eq!(
        loaded.stats.refused_by_reason[&RefusalReason::NameWithoutDot],
        MAX_REFUSALS_LISTED as u64 + 5
    );
}

/// Values beyond the room that there is are refused; those that are there already are not.
#[test]
fn what_there_is_no_room_for_is_refused() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("x"), "a.example\nb.example\nc.example\na.example # again\n").unwrap();
    let loaded = load_path_up_to(2, folder.path());
    assert_eq!((loaded.stats.indicators, loaded.stats.repeated), (2, 1));
    assert_eq!(refused(&loaded), [(3, RefusalReason::TooMany)]);
}

proptest::proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_and_the_books_balance(bytes: Vec<u8>, csv: bool) {
        load(if csv { "x.csv" } else { "x" }, bytes);
    }

    #[test]
    fn arbitrary_rows_never_panic(text in "([a-z.0-9,;|\"# \t]{0,20}\n){0,12}", csv: bool) {
        load(if csv { "x.csv" } else { "x" }, text);
    }
}

#[test]
fn a_column_for_any_kind_stands_for_the_row() {
    let loaded = load("x.csv", "ip,domain,indicator\n192.0.2.1,a.example,b.example\n192.0.2.2,c.example,\n");
    assert_eq!(shown(&loaded), ["domain b.example | - | 2"]);
    assert_eq!(refused(&loaded), [(3, RefusalReason::Empty)]);
    let loaded = load(
        "x.csv",
        "ip,domain,url\n192.0.2.1,a.example,\n192.0.2.2,,\n192.0.2.3,b.example,http://b.example/x\n",
    );
    assert_eq!(
        shown(&loaded),
        ["domain a.example | - | 2", "address 192.0.2.2 | - | 3", "url b.example/x | - | 4"]
    );
}

/// docs/INDICATORS.md lists every reason, in order, and says of each what it means.
#[test]
fn the_reasons_are_documented() {
    let row = |reason: &RefusalReason| format!("| `{}` | {} |\n", reason.keyword(), reason.meaning());
    let rows = RefusalReason::ALL.iter().map(row).collect::<Vec<_>>().concat();
    let table = format!("| reason | meaning |\n|---|---|\n{rows}");
    assert!(include_str!("../../docs/INDICATORS.md").contains(&table), "the table should be:\n{table}");
}

/// Every value in the table of docs/INDICATORS.md is of the kind that its row says.
#[test]
fn the_documented_values_are_understood() {
    let kinds = ["address", "network", "address_port", "domain", "host", "url", "ja4"];
    let mut understood = 0;
    for row in include_str!("../../docs/INDICATORS.md").lines() {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let Some(kind) = cells.get(1).filter(|kind| cells.len() == 5 && kinds.contains(kind)) else {
            continue;
        };
        for example in cells[2].split(';').next().unwrap().split('`').skip(1).step_by(2) {
            assert_eq!(value::parse(example).map(|value| value.kind()), Ok(*kind), "{example}");
            understood += 1;
        }
    }
    assert!(understood > 15, "{understood}");
}

/// Real lists load whole.
#[test]
fn real_lists() {
    let Some(corpora) = corpora() else { return };
    for (list, indicators) in [("intel/ipsum.txt", 120_430), ("intel/plain", 21_635)] {
        let loaded = load_path(&corpora.join(list));
        assert_eq!((loaded.indicators.len(), loaded.refused), (indicators, Vec::new()), "{list}");
    }
}

fn corpora() -> Option<std::path::PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpora");
    let folder = std::env::var_os("WEIR_CORPORA").map_or_else(beside, Into::into);
    if folder.is_dir() {
        return Some(folder);
    }
    println!("skipped: no corpora at {}", folder.display());
    None
}

#[test]
fn a_layout_names_columns_by_number_or_title() {
    let rows = "who|score|where\nx|7|192.0.2.1\ny|8|evil.example\n";
    for layout in ["csv,delimiter=pipe,value=3,description=1", "csv,value=where,description=Who"] {
        let loaded = load_named(layout, rows);
        let expected = ["address 192.0.2.1 | x | 2", "domain evil.example | y | 3"];
        assert_eq!(shown(&loaded)[..2], expected, "{layout}");
    }
    let every = load_named("csv,value=1,value=3", "192.0.2.1,x,evil.example\n,x,b.example\n");
    assert_eq!(every.indicators.len(), 3);
    let any = load_named("csv,value=*", "x,192.0.2.1,7\nx,y\n");
    assert_eq!((any.indicators.len(), refused(&any)), (1, vec![(2, RefusalReason::NotAnIndicator)]));
    assert_eq!(refused(&load_named("csv,value=nowhere", rows)), [(0, RefusalReason::BadRow)]);
}

#[test]
fn hosts_files_of_any_address() {
    let loaded = load_named("hosts", "# x\n192.0.2.80 evil.example b.example # walled\nevil.example\n");
    assert_eq!(shown(&loaded), ["domain evil.example | walled | 2", "domain b.example | walled | 2"]);
    assert_eq!(refused(&loaded), [(3, RefusalReason::BadRow)]);
}

proptest::proptest! {
    #[test]
    fn no_format_panics(bytes: Vec<u8>, which in 0..Format::ALL.len()) {
        load_bytes_into(&bytes, &Format::ALL[which].into(), &mut |_, _| Taken::New);
    }

    #[test]
    fn no_format_panics_on_near_misses(
        text in "([|@]{0,2}[a-z0-9.*/$^,;#= \t\"(){}\\[\\]:-]{0,40}( CNAME | SOA |address=/|Intel::ADDR|\\$ORIGIN )?[a-z.]{0,8}\n){0,8}",
        which in 0..Format::ALL.len(),
    ) {
        load_bytes_into(text.as_bytes(), &Format::ALL[which].into(), &mut |_, _| Taken::New);
    }
}
