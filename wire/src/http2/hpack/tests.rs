use super::*;
use proptest::prelude::*;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap()).collect()
}

/// The fields that matter, and what the table counts behind the block.
fn read(decoder: &mut Decoder, hex: &str) -> (Vec<(Field, String)>, usize) {
    let mut fields = Vec::new();
    decoder
        .read(&bytes(hex), &mut |field, value| {
            fields.push((field, String::from_utf8(value.to_vec()).unwrap()));
        })
        .unwrap();
    (fields, decoder.table.size())
}

fn request(path: &str) -> Vec<(Field, String)> {
    vec![
        (Field::Method, "GET".into()),
        (Field::Path, path.into()),
        (Field::Authority, "www.example.com".into()),
    ]
}

#[test]
fn single_fields_of_appendix_c2() {
    let custom =
        read(&mut Decoder::default(), "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572");
    assert_eq!(custom, (vec![], 55));
    let path = read(&mut Decoder::default(), "040c 2f73 616d 706c 652f 7061 7468");
    assert_eq!(path, (vec![(Field::Path, "/sample/path".into())], 0));
    let secret = read(&mut Decoder::default(), "1008 7061 7373 776f 7264 0673 6563 7265 74");
    assert_eq!(secret, (vec![], 0));
    assert_eq!(read(&mut Decoder::default(), "82"), (vec![(Field::Method, "GET".into())], 0));
}

#[test]
fn requests_of_appendix_c3_and_c4() {
    let plain = [
        "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
        "8286 84be 5808 6e6f 2d63 6163 6865",
        "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    ];
    let coded = [
        "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
        "8286 84be 5886 a8eb 1064 9cbf",
        "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    ];
    for blocks in [plain, coded] {
        let mut decoder = Decoder::default();
        assert_eq!(read(&mut decoder, blocks[0]), (request("/"), 57));
        assert_eq!(read(&mut decoder, blocks[1]), (request("/"), 110));
        assert_eq!(read(&mut decoder, blocks[2]), (request("/index.html"), 164));
    }
}

#[test]
fn responses_of_appendix_c6_push_entries_out() {
    let mut decoder = Decoder::default();
    decoder.table.resize(256);
    let status = |code: &str| vec![(Field::Status, code.to_owned())];
    let first = "4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3";
    assert_eq!(read(&mut decoder, first), (status("302"), 222));
    assert_eq!(read(&mut decoder, "4883 640e ffc1 c0bf"), (status("307"), 222));
    let third = "88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07";
    assert_eq!(read(&mut decoder, third), (status("200"), 215));
}

#[test]
fn integers_of_appendix_c1_and_longer_ones() {
    let of = |first, prefix, rest: &[u8]| integer(first, prefix, &mut Cursor::new(rest));
    assert_eq!(of(0b0000_1010, 5, &[]), Ok(10));
    assert_eq!(of(0b0001_1111, 5, &[0b1001_1010, 0b0000_1010]), Ok(1337));
    assert_eq!(of(42, 8, &[]), Ok(42));
    assert_eq!(of(0x7f, 7, &[0xff, 0xff, 0xff, 0x7f]), Ok(127 + 0x0fff_ffff));
    assert_eq!(of(0x7f, 7, &[0x80, 0x80, 0x80, 0x80, 0]), Err(HpackError::Integer));
    assert_eq!(of(0x7f, 7, &[0x80]), Err(HpackError::Short));
}

#[test]
fn what_is_no_block_is_refused() {
    let refused = |hex: &str| Decoder::default().read(&bytes(hex), &mut |_, _| {}).unwrap_err();
    assert_eq!(refused("80"), HpackError::Index);
    assert_eq!(refused("be"), HpackError::Index);
    assert_eq!(refused("7f 00 00"), HpackError::Index);
    assert_eq!(refused("04 0c 2f"), HpackError::Short);
    assert_eq!(refused("04 81 ff"), HpackError::Huffman);
    assert_eq!(refused("3f e2ff 03"), HpackError::TableSize);
    let mut decoder = Decoder::default();
    read(&mut decoder, "3f e1ff 03");
    assert_eq!(decoder.table.size(), 0);
}

proptest! {
    #[test]
    fn arbitrary_blocks_do_no_harm_and_the_table_stays_small(
        blocks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..8)
    ) {
        let mut decoder = Decoder::default();
        for block in blocks {
            let _ = decoder.read(&block, &mut |_, _| {});
            prop_assert!(decoder.table.size() <= MAX_TABLE_SIZE);
        }
    }
}
