//! A sheet to draw on in CSS pixels, over plotters' SVG backend.
//!
//! Plotters places everything on whole pixels, so it draws on a sheet [`SCALE`] times as large and
//! the view box brings it back: lines are smooth at any size. What plotters has no element for is
//! written beside it: dashes, and the many bars of a heat map as one path an ink.

use std::cell::{Cell, RefCell};
use std::fmt::Write as _;

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

/// Dash and gap, in drawing units.
const DASHES: &str = "20 16";

/// Which part of a text its place names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// Where a drawing is seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// In the page's column.
    Wide,
    /// On a phone.
    Narrow,
    /// Beside others of its kind, on any screen.
    Panel,
}

/// Size and letters of a drawing.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Sheet {
    pub(super) width: f64,
    pub(super) height: f64,
    /// CSS pixels.
    pub(super) letters: f64,
    form: Form,
}

impl Sheet {
    /// A small one, as wide as a third of the page's column.
    pub(super) const PANEL: Self = Self {
        width: 280.0,
        height: 150.0,
        letters: 11.0,
        form: Form::Panel,
    };

    /// The height of a few lines of text, in the cell of a table.
    pub(super) const SPARK: Self = Self {
        width: 300.0,
        height: 64.0,
        letters: 11.0,
        form: Form::Panel,
    };

    /// As wide as the page's column, and as a phone.
    pub(super) fn both([wide, narrow]: [f64; 2]) -> [Self; 2] {
        [
            Self {
                width: 920.0,
                height: wide,
                letters: 13.0,
                form: Form::Wide,
            },
            Self {
                width: 360.0,
                height: narrow,
                letters: 12.0,
                form: Form::Narrow,
            },
        ]
    }

    /// There is little room across.
    pub(super) fn is_narrow(&self) -> bool {
        self.form != Form::Wide
    }

    /// Class of the element.
    const fn class(self) -> &'static str {
        match self.form {
            Form::Wide => "wide",
            Form::Narrow => "narrow",
            Form::Panel => "panel",
        }
    }
}

type Place = (f64, f64);

/// Draws on a sheet and gives the SVG.
pub(super) struct Canvas<'a> {
    area: DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
    sheet: Sheet,
    /// Markup beneath everything else.
    beneath: RefCell<String>,
    /// Left and right end of the plot.
    span: Cell<Option<Place>>,
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
        let (beneath, span);
        {
            let size = (
                whole(sheet.width).unsigned_abs(),
                whole(sheet.height).unsigned_abs(),
            );
            let area = SVGBackend::with_string(&mut buffer, size).into_drawing_area();
            let canvas = Canvas {
                area,
                sheet,
                beneath: RefCell::default(),
                span: Cell::default(),
            };
            paint(&canvas);
            // Writing into a string cannot fail; the element is closed below in any case.
            let _ = canvas.area.present();
            span = canvas.span.get();
            beneath = canvas.beneath.into_inner();
        }
        let body = beneath + &body(&buffer);
        element(&body, sheet, span, id, (title, desc))
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

    /// A dashed line through the places.
    pub(super) fn dashes(&self, places: &[Place], ink: Ink) {
        let (r, g, b) = ink.dashed_sentinel();
        let style = ShapeStyle {
            stroke_width: whole(1.5).unsigned_abs(),
            ..ShapeStyle::from(&RGBColor(r, g, b)).filled()
        };
        let _ = self.area.draw(&PathElement::new(points(places), style));
    }

    /// Upright bars of one height and ink beneath everything else: left end, right end and middle of
    /// each.
    pub(super) fn bars(&self, bars: &[(f64, f64, f64)], height: f64, ink: Ink) {
        if bars.is_empty() {
            return;
        }
        let mut path = String::new();
        let mut pen = (0, 0);
        for &(from, to, middle) in bars {
            let (x, y) = (whole(from), whole(middle));
            let length = whole(to).saturating_sub(x);
            // Writing to a string cannot fail.
            let (right, down) = (x.saturating_sub(pen.0), y.saturating_sub(pen.1));
            let _ = write!(path, "m{right} {down}h{length}");
            pen = (x.saturating_add(length), y);
        }
        let _ = write!(
            self.beneath.borrow_mut(),
            "<path d=\"{path}\" fill=\"none\" stroke=\"var(--{})\" stroke-width=\"{}\"/>",
            ink.name(),
            whole(height)
        );
    }

    /// Says where across the sheet the values lie that the rows of the chart's table have places on.
    pub(super) fn plot_spans(&self, from: f64, to: f64) {
        self.span.set(Some((from, to)));
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

/// What was drawn, with theme colours in place of the sentinels.
fn body(drawn: &str) -> String {
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
        let hex = |(r, g, b): (u8, u8, u8)| format!("\"#{r:02X}{g:02X}{b:02X}\"");
        let colour = format!("\"var(--{})\"", ink.name());
        let dashed = format!("{colour} stroke-dasharray=\"{DASHES}\"");
        body = body
            .replace(&hex(ink.sentinel()), &colour)
            .replace(&hex(ink.dashed_sentinel()), &dashed);
    }
    body
}

/// The element with its name and words.
fn element(
    body: &str,
    sheet: Sheet,
    span: Option<Place>,
    id: &str,
    (title, desc): (&str, &str),
) -> String {
    let class = sheet.class();
    let id = format!("{id}-{class}");
    let title = Untrusted::from(title).markup();
    let desc = Untrusted::from(desc).markup();
    let span = span.map_or_else(String::new, |(from, to)| {
        format!(" data-span=\"{} {}\"", whole(from), whole(to))
    });
    format!(
        "<svg class=\"{class}\" viewBox=\"0 0 {} {}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\"{span}>\
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
            c.dashes(&[(0.0, 0.0), (10.0, 0.0)], Ink::Bad);
            c.bars(&[(1.0, 3.0, 5.0), (4.0, 5.0, 5.0)], 2.5, Ink::Heat2);
            c.plot_spans(1.0, 99.0);
        });
        roxmltree::Document::parse(&svg).expect("well-formed");
        assert!(svg.contains("points=\"0,0 40,42 \"") && svg.contains("stroke=\"var(--now)\""));
        assert!(svg.contains("T&lt;") && svg.contains("&lt;b&gt;"));
        assert!(!svg.contains("#FE0") && !svg.contains("xmlns"));
        assert!(svg.contains("stroke=\"var(--bad)\" stroke-dasharray=\"20 16\""));
        assert!(svg.contains("<path d=\"m4 20h8m4 0h4\" fill=\"none\" stroke=\"var(--heat-2)\""));
        assert!(svg.contains("data-span=\"4 396\""));
        assert!(!svg.contains(['\u{1b}', '\u{202e}']));
    }
}
