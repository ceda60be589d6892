//! Which paths of `SITE_DIR` are served.

use std::{
    fs,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use axum::{
    extract::{Request, State},
    middleware::Next,
    response::{IntoResponse, Response},
};
use percent_encoding::percent_decode_str;

use crate::problem::Problem;

/// The one folder whose name begins with a dot that is served (RFC 8615), at the top alone.
const WELL_KNOWN: &str = ".well-known";

/// Responds 404 to a path that is not a file of the folder.
///
/// The file is opened after the check, by its path: a process with write access to the folder could replace it by a link
/// in between, but could as well write the page.
pub(super) async fn check(
    State(folder): State<Arc<Path>>,
    request: Request,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let looking = tokio::task::spawn_blocking(move || is_served(&folder, &path));
    if looking.await.unwrap_or(false) {
        return next.run(request).await;
    }
    Problem::not_found().into_response()
}

/// Returns whether a path resolves, with links, to a file in the folder, or to a folder in it that has an index.
fn is_served(folder: &Path, path: &str) -> bool {
    let Some(relative) = relative(path) else {
        return false;
    };
    let Ok(root) = fs::canonicalize(folder) else {
        return false;
    };
    let Some(found) = within(&root, &root.join(relative)) else {
        return false;
    };
    if !found.is_dir() {
        return found.is_file() && !path.ends_with('/');
    }
    let index = within(&root, &found.join("index.html"));
    index.is_some_and(|index| index.is_file())
}

/// Decodes a path (RFC 3986 §3.3), one segment after the other. `None` if a segment is empty, begins with a dot, or has a
/// path separator of any system or a control character.
fn relative(path: &str) -> Option<PathBuf> {
    let path = path.strip_prefix('/')?;
    let mut relative = PathBuf::new();
    if path.is_empty() {
        return Some(relative);
    }
    for (place, segment) in path
        .strip_suffix('/')
        .unwrap_or(path)
        .split('/')
        .enumerate()
    {
        let segment = percent_decode_str(segment).decode_utf8().ok()?;
        let is_odd = |c: char| c == '/' || c == '\\' || c.is_control();
        let is_hidden = segment.starts_with('.') && (place > 0 || segment != WELL_KNOWN);
        if segment.is_empty() || is_hidden || segment.contains(is_odd) {
            return None;
        }
        relative.push(&*segment);
    }
    Some(relative)
}

/// Follows all links of a path. `None` if it does not exist, or resolves outside of `root` or to a dot-file.
fn within(root: &Path, path: &Path) -> Option<PathBuf> {
    let found = fs::canonicalize(path).ok()?;
    let is_visible = is_visible(found.strip_prefix(root).ok()?);
    is_visible.then_some(found)
}

fn is_visible(relative: &Path) -> bool {
    relative.components().enumerate().all(|(place, component)| {
        let Component::Normal(name) = component else {
            return false;
        };
        place == 0 && name == WELL_KNOWN || !name.as_encoded_bytes().starts_with(b".")
    })
}
