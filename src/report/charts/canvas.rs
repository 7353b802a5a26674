//! A sheet to draw on in CSS pixels, over plotters' SVG backend.
//!
//! Plotters places everything on whole pixels, so it draws on a sheet [`SCALE`] times as large and
//! the view box brings it back: lines are smooth at any size.

use plotters::prelude::{
    Circle, DrawingArea, IntoDrawingArea, IntoFont, PathElement, Polygon, RGBColor, Rectangle,
    SVGBackend, ShapeStyle, Text,
};
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontFamily, TextStyle};

use super::Ink;
use crate::untrusted::Untrusted;

/// Drawing units in a CSS pixel.
const SCALE: f64 = 4.0;

/// Which part of a text its place names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Size and letters of a drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sheet {
    pub(super) width: f64,
    pub(super) height: f64,
    /// CSS pixels.
    pub(super) letters: f64,
    /// For a phone.
    pub(super) narrow: bool,
}

impl Sheet {
    /// As wide as the page's column, and as a phone.
    pub(super) fn both([wide, narrow]: [f64; 2]) -> [Self; 2] {
        [
            Self {
                width: 920.0,
                height: wide,
                letters: 13.0,
                narrow: false,
            },
            Self {
                width: 360.0,
                height: narrow,
                letters: 12.0,
                narrow: true,
            },
        ]
    }
}

type Place = (f64, f64);

/// Draws on a sheet and gives the SVG.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
    sheet: Sheet,
}

impl Canvas<'_> {
    /// Draws with `paint` and returns an `<svg>` element named by `id`, with title and description.
    pub(super) fn draw(
        sheet: Sheet,
        id: &str,
        (title, desc): (&str, &str),
        paint: impl FnOnce(&Canvas<'_>),
    ) -> String {
        let mut buffer = String::new();
        {
            let size = (
                whole(sheet.width).unsigned_abs(),
                whole(sheet.height).unsigned_abs(),
            );
            let area = SVGBackend::with_string(&mut buffer, size).into_drawing_area();
            let canvas = Canvas { area, sheet };
            paint(&canvas);
            // Writing into a string cannot fail; the element is closed below in any case.
            let _ = canvas.area.present();
        }
        finish(&buffer, sheet, id, title, desc)
    }

    pub(super) fn sheet(&self) -> Sheet {
        self.sheet
    }

    /// A line of the given width through the places.
    pub(super) fn line(&self, places: &[Place], ink: Ink, width: f64) {
        let style = ShapeStyle {
            stroke_width: whole(width).unsigned_abs(),
            ..filled(ink)
        };
        let _ = self.area.draw(&PathElement::new(points(places), style));
    }

    pub(super) fn polygon(&self, places: &[Place], ink: Ink) {
        let _ = self.area.draw(&Polygon::new(points(places), filled(ink)));
    }

    pub(super) fn rectangle(&self, from: Place, to: Place, ink: Ink) {
        let corners = [
            (whole(from.0.min(to.0)), whole(from.1.min(to.1))),
            (whole(from.0.max(to.0)), whole(from.1.max(to.1))),
        ];
        let _ = self.area.draw(&Rectangle::new(corners, filled(ink)));
    }

    /// A dot; a hollow one is a ring around the surface.
    pub(super) fn dot(&self, at: Place, radius: f64, ink: Ink, hollow: bool) {
        let at = (whole(at.0), whole(at.1));
        let _ = self.area.draw(&Circle::new(at, whole(radius), filled(ink)));
        if hollow {
            let inner = whole((radius - 1.7).max(0.5));
            let _ = self
                .area
                .draw(&Circle::new(at, inner, filled(Ink::Surface)));
        }
    }

    /// One line of text, centred on the height of its place.
    pub(super) fn text(&self, at: Place, text: &str, anchor: Anchor, ink: Ink) {
        let h_pos = match anchor {
            Anchor::Start => HPos::Left,
            Anchor::Middle => HPos::Center,
            Anchor::End => HPos::Right,
        };
        // The backend divides sizes by 1.24 again.
        let size = self.sheet.letters * SCALE * 1.24;
        let style = TextStyle {
            font: (FontFamily::SansSerif, size).into_font(),
            pos: Pos::new(h_pos, VPos::Center),
            ..TextStyle::from((FontFamily::SansSerif, size).into_font()).color(&colour(ink))
        };
        let shown = Untrusted::from(text).terminal();
        let _ = self
            .area
            .draw(&Text::new(shown, (whole(at.0), whole(at.1)), style));
    }
}

fn colour(ink: Ink) -> RGBColor {
    let (r, g, b) = ink.sentinel();
    RGBColor(r, g, b)
}

fn filled(ink: Ink) -> ShapeStyle {
    ShapeStyle::from(&colour(ink)).filled()
}

fn points(places: &[Place]) -> Vec<(i32, i32)> {
    places.iter().map(|p| (whole(p.0), whole(p.1))).collect()
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a float to integer cast saturates, and a sheet is a few thousand units wide"
)]
fn whole(pixels: f64) -> i32 {
    (pixels * SCALE).round() as i32
}

/// Gives the element its name, words and theme colours.
fn finish(drawn: &str, sheet: Sheet, id: &str, title: &str, desc: &str) -> String {
    let body = drawn
        .split_once(">\n")
        .map_or("", |(_, rest)| rest)
        .trim_end()
        .trim_end_matches("</svg>");
    let mut body = body
        .replace(" opacity=\"1\"", "")
        .replace(" font-family=\"sans-serif\"", "")
        .replace(">\n", ">")
        .replace("\n</text>", "</text>");
    for ink in Ink::ALL {
        let (r, g, b) = ink.sentinel();
        body = body.replace(
            &format!("#{r:02X}{g:02X}{b:02X}"),
            &format!("var(--{})", ink.name()),
        );
    }
    let class = if sheet.narrow { "narrow" } else { "wide" };
    let id = format!("{id}-{class}");
    let title = Untrusted::from(title).markup();
    let desc = Untrusted::from(desc).markup();
    format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
         <title id=\"{id}-t\">{title}</title><desc id=\"{id}-d\">{desc}</desc>{body}</svg>",
        whole(sheet.width),
        whole(sheet.height)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_is_well_formed_and_themed() {
        let svg = Canvas::draw(Sheet::both([100.0; 2])[0], "x", ("T<", "D&"), |c| {
            c.line(&[(0.0, 0.0), (10.0, 10.5)], Ink::Now, 1.5);
            c.dot((5.0, 5.0), 4.0, Ink::Before, true);
            c.text((5.0, 5.0), "<b>\u{1b}\u{202e}", Anchor::End, Ink::Muted);
        });
        roxmltree::Document::parse(&svg).expect("well-formed");
        assert!(svg.contains("points=\"0,0 40,42 \"") && svg.contains("stroke=\"var(--now)\""));
        assert!(svg.contains("T&lt;") && svg.contains("&lt;b&gt;"));
        assert!(!svg.contains("#FE01") && !svg.contains("xmlns"));
        assert!(!svg.contains(['\u{1b}', '\u{202e}']));
    }
}
