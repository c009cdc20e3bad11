use super::*;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Command;

fn file_of(bytes: usize) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&(0..bytes).map(|index| (index % 251) as u8 + 1).collect::<Vec<_>>()).unwrap();
    file
}

fn mapped(file: &File, late: &LateProblems) -> MappedFile {
    MappedFile::new("x.pcap".to_owned(), file.try_clone().unwrap(), late.clone())
}

#[test]
fn windows_show_the_file_wherever_they_begin() {
    let len = 20_000_000;
    let file = mapped(&file_of(len), &LateProblems::default());
    let (first, whole) = (FIRST_WINDOW_BYTES as usize, WINDOW_BYTES as usize);
    for (offset, count, least) in
        [(0, 24, first), (0, 300_000, whole), (7, 1, whole - ALIGNMENT as usize), (19_999_999, 2, 1)]
    {
        let (window, start) = file.map(offset, count).unwrap().unwrap();
        let bytes = &window.bytes()[start..];
        assert!(bytes.len() >= least, "{offset}: {}", bytes.len());
        assert_eq!(bytes[0], (offset as usize % 251) as u8 + 1);
        assert_eq!(window.end(), offset + bytes.len() as u64);
    }
    assert!(file.map(len as u64, 1).unwrap().is_none());
}

#[test]
fn a_page_that_is_gone_is_zero_and_the_window_torn() {
    let late = LateProblems::default();
    let file = file_of(1 << 20);
    let mapping = mapped(&file, &late);
    let (window, _) = mapping.map(65_536, 1).unwrap().unwrap();
    file.set_len(100_000).unwrap();
    assert_eq!(window.bytes()[0], (65_536 % 251) as u8 + 1, "what is left is as it was");
    assert!(!window.is_torn());
    assert_eq!(window.bytes()[500_000], 0);
    assert_eq!(window.bytes()[900_000], 0, "another page of the same window");
    assert!(window.is_torn());
    drop(mapping);
    assert!(late.list().is_empty());
    drop(window);
    let problems = late.list();
    assert_eq!((problems.len(), problems[0].input.as_str()), (1, "x.pcap"));
    assert!(problems[0].message.contains("shrank"), "{}", problems[0].message);
}

#[test]
fn what_the_reader_of_the_file_reports_is_not_reported_again() {
    let late = LateProblems::default();
    let file = file_of(200_000);
    let mapping = mapped(&file, &late);
    let (window, _) = mapping.map(0, 1).unwrap().unwrap();
    assert!(mapping.damage(window.end(), Some(&window)).is_none());
    file.set_len(0).unwrap();
    assert_eq!(window.bytes()[0], 0);
    let fault = mapping.damage(window.end(), Some(&window)).unwrap();
    assert_eq!(fault.kind, ProblemKind::Truncated);
    drop((window, mapping));
    assert!(late.list().is_empty());
}

/// The child touches a page that is gone and no window's.
#[test]
fn a_fault_elsewhere_ends_the_process_as_ever() {
    const CHILD: &str = "WEIR_TEST_FAULT";
    if std::env::var_os(CHILD).is_some() {
        let file = file_of(100_000);
        let window = mapped(&file, &LateProblems::default()).map(0, 1).unwrap().unwrap().0;
        file.set_len(0).unwrap();
        assert_eq!(window.bytes()[0], 0, "the handler is there");
        // SAFETY: a new mapping, read once where it has no content: that is what is tested.
        unsafe {
            let start = libc::mmap(
                std::ptr::null_mut(),
                4096,
                libc::PROT_READ,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            );
            std::ptr::read_volatile(start.cast::<u8>());
        }
        return;
    }
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "mapped::tests::a_fault_elsewhere_ends_the_process_as_ever"])
        .env(CHILD, "1")
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .status()
        .unwrap();
    assert_eq!(status.signal(), Some(libc::SIGBUS));
}
