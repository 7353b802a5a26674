//! The colours by role, in both themes. A test holds their contrast: text 4.5, marks 3.

/// A role of colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Ink {
    /// The page, and what cards and figures lie on.
    Page,
    Surface,
    Text,
    Muted,
    /// Rules and axes: never carries meaning alone.
    Grid,
    /// The side under test, and its second series.
    Now,
    Tail,
    /// The reference.
    Before,
    Good,
    Warn,
    Bad,
    /// Areas behind marks.
    Allowed,
    Band,
    /// From few to many.
    Heat1,
    Heat2,
    Heat3,
    Heat4,
    Heat5,
    Heat6,
    Heat7,
    /// Cards behind a verdict.
    GoodSoft,
    WarnSoft,
    BadSoft,
}

impl Ink {
    /// The ramp of a heat map, from few to many.
    pub(super) const HEAT: [Self; 7] = [
        Self::Heat1,
        Self::Heat2,
        Self::Heat3,
        Self::Heat4,
        Self::Heat5,
        Self::Heat6,
        Self::Heat7,
    ];

    pub(super) const ALL: [Self; 23] = [
        Self::Page,
        Self::Surface,
        Self::Text,
        Self::Muted,
        Self::Grid,
        Self::Now,
        Self::Tail,
        Self::Before,
        Self::Good,
        Self::Warn,
        Self::Bad,
        Self::Allowed,
        Self::Band,
        Self::Heat1,
        Self::Heat2,
        Self::Heat3,
        Self::Heat4,
        Self::Heat5,
        Self::Heat6,
        Self::Heat7,
        Self::GoodSoft,
        Self::WarnSoft,
        Self::BadSoft,
    ];

    /// The name of the CSS variable, without dashes.
    pub(in crate::report) const fn name(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Surface => "surface",
            Self::Text => "text",
            Self::Muted => "muted",
            Self::Grid => "grid",
            Self::Now => "now",
            Self::Tail => "tail",
            Self::Before => "before",
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Allowed => "allowed",
            Self::Band => "band",
            Self::Heat1 => "heat-1",
            Self::Heat2 => "heat-2",
            Self::Heat3 => "heat-3",
            Self::Heat4 => "heat-4",
            Self::Heat5 => "heat-5",
            Self::Heat6 => "heat-6",
            Self::Heat7 => "heat-7",
            Self::GoodSoft => "good-soft",
            Self::WarnSoft => "warn-soft",
            Self::BadSoft => "bad-soft",
        }
    }

    /// The colour drawn, to be replaced: one that no drawing would choose.
    pub(super) const fn sentinel(self) -> (u8, u8, u8) {
        (0xfe, 0x01, self as u8)
    }

    /// The same for what is drawn in dashes.
    pub(super) const fn dashed_sentinel(self) -> (u8, u8, u8) {
        (0xfe, 0x02, self as u8)
    }

    /// Light and dark, as 0xRRGGBB.
    const fn colours(self) -> (u32, u32) {
        match self {
            Self::Page => (0x00f6_f6f3, 0x0012_1518),
            Self::Surface => (0x00ff_ffff, 0x001a_1e23),
            Self::Text => (0x001b_1f24, 0x00e7_e9ec),
            Self::Muted => (0x0059_606a, 0x00a2_aab4),
            Self::Grid => (0x00e2_e3df, 0x0030_363d),
            Self::Now => (0x001f_5fc4, 0x0071_abff),
            Self::Tail => (0x00a8_3279, 0x00f0_8cc4),
            Self::Before => (0x006d_7480, 0x0093_9ca8),
            Self::Good => (0x0014_7044, 0x005f_cf95),
            Self::Warn => (0x008a_5a00, 0x00e3_b341),
            Self::Bad => (0x00b8_2618, 0x00ff_8379),
            Self::Allowed => (0x00e3_f1e8, 0x001c_3327),
            Self::Band => (0x00f0_f0ec, 0x0022_272d),
            Self::Heat1 => (0x00d3_e4f7, 0x0020_354f),
            Self::Heat2 => (0x00aa_cdf0, 0x0026_4a73),
            Self::Heat3 => (0x007c_b0e4, 0x002f_639b),
            Self::Heat4 => (0x004f_90d3, 0x0041_80c2),
            Self::Heat5 => (0x002a_6fba, 0x0068_a3e0),
            Self::Heat6 => (0x0014_4f92, 0x009d_c7f2),
            Self::Heat7 => (0x000a_2f5e, 0x00d8_eafd),
            Self::GoodSoft => (0x00ee_f7f1, 0x0017_2a20),
            Self::WarnSoft => (0x00fc_f5e3, 0x002d_2612),
            Self::BadSoft => (0x00fd_efed, 0x0034_1c1b),
        }
    }
}

/// The style sheet's variables: light, dark by preference or choice, light on paper; and a class for
/// each ink, which says what a key shows.
pub(in crate::report) fn css_variables() -> String {
    let set = |dark: bool| -> String {
        let declarations = Ink::ALL.map(|ink| {
            let (light_colour, dark_colour) = ink.colours();
            let colour = if dark { dark_colour } else { light_colour };
            format!("--{}:#{colour:06x};", ink.name())
        });
        declarations.concat()
    };
    let (light, dark) = (set(false), set(true));
    let classes = Ink::ALL.map(|ink| format!(".ink-{0}{{--ink:var(--{0})}}", ink.name()));
    let classes = classes.concat();
    format!(
        ":root{{color-scheme:light;{light}}}\n\
         @media screen and (prefers-color-scheme:dark){{:root:not([data-theme=light]){{color-scheme:dark;{dark}}}}}\n\
         @media screen{{:root[data-theme=dark]{{color-scheme:dark;{dark}}}}}\n\
         {classes}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Relative luminance of WCAG 2.
    fn luminance(colour: u32) -> f64 {
        let channel = |shift: u32| {
            let c = f64::from((colour >> shift) & 0xff) / 255.0;
            if c <= 0.040_45 {
                c / 12.92
            } else {
                ((c + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
    }

    fn contrast(a: u32, b: u32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn holds(marks: &[Ink], grounds: &[Ink], least: f64) {
        for &mark in marks {
            for &ground in grounds {
                let ((ml, md), (gl, gd)) = (mark.colours(), ground.colours());
                for (theme, ratio) in [("light", contrast(ml, gl)), ("dark", contrast(md, gd))] {
                    assert!(
                        ratio >= least,
                        "{theme}: {mark:?} on {ground:?} is {ratio:.2}"
                    );
                }
            }
        }
    }

    #[test]
    fn text_can_be_read_wherever_it_stands() {
        use Ink::{
            Allowed, Bad, BadSoft, Band, Good, GoodSoft, Muted, Page, Surface, Text, Warn, WarnSoft,
        };
        let grounds = [Page, Surface, Band, Allowed, GoodSoft, WarnSoft, BadSoft];
        holds(&[Text, Muted], &grounds, 4.5);
        holds(&[Good], &[Page, Surface, GoodSoft], 4.5);
        holds(&[Warn], &[Page, Surface, WarnSoft], 4.5);
        holds(&[Bad], &[Page, Surface, BadSoft], 4.5);
    }

    /// A colour laid over another, so much of it.
    fn blended(over: u32, ground: u32, opacity: f64) -> u32 {
        let channel = |shift: u32| {
            let of = |c: u32| f64::from((c >> shift) & 0xff);
            let mixed = of(over) * opacity + of(ground) * (1.0 - opacity);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "between two bytes"
            )]
            let byte = mixed.round() as u32;
            byte << shift
        };
        channel(16) | channel(8) | channel(0)
    }

    #[test]
    fn names_can_be_read_on_the_fullest_frame_of_a_flame_graph() {
        let opacity = super::super::flame::FULL_FILL;
        let (text, surface) = (Ink::Text.colours(), Ink::Surface.colours());
        for ink in [Ink::Bad, Ink::Now, Ink::Warn, Ink::Before] {
            let frame = ink.colours();
            for (theme, text, frame, surface) in [
                ("light", text.0, frame.0, surface.0),
                ("dark", text.1, frame.1, surface.1),
            ] {
                let ratio = contrast(text, blended(frame, surface, opacity));
                assert!(ratio >= 4.5, "{theme}: text on {ink:?} is {ratio:.2}");
            }
        }
    }

    #[test]
    fn a_heat_map_rises_in_steps_that_can_be_told_apart() {
        for theme in ["light", "dark"] {
            let of = |ink: Ink| {
                let (light, dark) = ink.colours();
                if theme == "dark" { dark } else { light }
            };
            let mut below = Ink::Surface;
            for ink in Ink::HEAT {
                let step = contrast(of(ink), of(below));
                assert!(step >= 1.25, "{theme}: {ink:?} on {below:?} is {step:.2}");
                let (height, least) = (contrast(of(ink), of(Ink::Surface)), of(below));
                let under = contrast(least, of(Ink::Surface));
                assert!(
                    height > under,
                    "{theme}: {ink:?} is no higher than {below:?}"
                );
                below = ink;
            }
            let [.., third, second, top] = Ink::HEAT;
            for ink in [third, second, top] {
                let ratio = contrast(of(ink), of(Ink::Surface));
                assert!(ratio >= 3.0, "{theme}: {ink:?} is {ratio:.2}");
            }
        }
    }

    #[test]
    fn marks_can_be_seen_on_every_area() {
        use Ink::{Allowed, Bad, Band, Before, Good, Now, Surface, Tail, Warn};
        let marks = [Now, Tail, Before, Good, Warn, Bad];
        holds(&marks, &[Surface, Band, Allowed], 3.0);
    }
}
