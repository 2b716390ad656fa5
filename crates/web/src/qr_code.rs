//! QR codes as elements of a page: no image address that could be cached or
//! logged, and nothing that the content security policy would have to allow.

use qrcode::QrCode;
use qrcode::render::svg;

use crate::failure::Failure;

/// An inline SVG that shows a text, with words for those who cannot see it.
/// `label` is ours and needs no escaping.
pub(crate) fn qr_code(text: &str, label: &'static str) -> Result<String, Failure> {
    let code = QrCode::new(text)
        .map_err(|error| Failure::internal(format!("a QR code cannot be made: {error}")))?;
    let drawn = code
        .render::<svg::Color<'_>>()
        .module_dimensions(5, 5)
        .build();
    let element = drawn
        .find("<svg ")
        .and_then(|start| drawn.get(start + "<svg ".len()..))
        .ok_or_else(|| Failure::internal("a QR code has no element"))?;
    Ok(format!(
        "<svg role=\"img\" aria-label=\"{label}\" {element}"
    ))
}
