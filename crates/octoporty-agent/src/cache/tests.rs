use octoporty_proto::model::Revision;

use super::*;

fn state(revision: u64) -> DesiredState {
    DesiredState { revision: Revision(revision), ..DesiredState::default() }
}

fn cache() -> (tempfile::TempDir, Cache) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data").join("desired.json");
    (folder, Cache::new(file))
}

fn names(cache: &Cache) -> Vec<String> {
    let folder = std::fs::read_dir(cache.file.parent().unwrap()).unwrap();
    let mut names: Vec<String> = folder.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_was_saved_last_is_loaded_and_nothing_else_is_left() {
    let (_folder, cache) = cache();
    assert_eq!(cache.load(), None);
    cache.save(&state(1)).unwrap();
    cache.save(&state(2)).unwrap();
    assert_eq!(cache.load(), Some(state(2)));
    assert_eq!(names(&cache), ["desired.json"]);
}

#[cfg(unix)]
#[test]
fn only_the_owner_may_read_it_even_over_a_leftover() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, cache) = cache();
    std::fs::create_dir_all(cache.file.parent().unwrap()).unwrap();
    let leftover = cache.beside(".new");
    std::fs::write(&leftover, "half a sta").unwrap();
    std::fs::set_permissions(&leftover, PermissionsExt::from_mode(0o666)).unwrap();
    cache.save(&state(1)).unwrap();
    assert_eq!(std::fs::metadata(&cache.file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(cache.load(), Some(state(1)));
}

#[test]
fn a_file_that_cannot_be_read_is_put_aside_and_the_next_save_works() {
    for text in [
        "",
        "{\"octoporty_desired_state\":1,\"state\":{\"revi",
        "not json",
        "{\"octoporty_desired_state\":2,\"state\":{\"revision\":1,\"mappings\":[]}}",
        "{\"revision\":1,\"mappings\":[]}",
        "{\"octoporty_desired_state\":1,\"state\":{\"revision\":1,\"mappings\":[{\"id\":\"x\"}]}}",
    ] {
        let (_folder, cache) = cache();
        cache.save(&state(1)).unwrap();
        std::fs::write(&cache.file, text).unwrap();
        assert_eq!(cache.load(), None, "{text:?}");
        assert_eq!(names(&cache), ["desired.json.corrupt"], "{text:?}");
        assert_eq!(std::fs::read_to_string(cache.beside(".corrupt")).unwrap(), text);
        cache.save(&state(3)).unwrap();
        assert_eq!(cache.load(), Some(state(3)));
    }
}

#[test]
fn a_folder_that_cannot_be_made_is_an_error_and_no_panic() {
    let (folder, _) = cache();
    std::fs::write(folder.path().join("file"), "").unwrap();
    let cache = Cache::new(folder.path().join("file").join("desired.json"));
    assert!(cache.save(&state(1)).is_err());
    assert_eq!(cache.load(), None);
}
