//! Pictures of results: line charts as SVG that need no other file, and that can be read on white and on
//! dark ground.
//!
//! ```text
//! mod -> what is shown;  scale -> from figures to places;  draw -> the picture
//! ```

mod draw;
mod scale;

pub(super) use scale::written;

/// A line chart, or several beside each other.
#[derive(Debug)]
pub(super) struct Chart {
    pub(super) title: String,
    /// What stands below the title: how it was measured.
    pub(super) note: String,
    pub(super) across: Axis,
    pub(super) up: Axis,
    pub(super) lines: Vec<Line>,
}

/// One direction.
#[derive(Debug)]
pub(super) struct Axis {
    pub(super) name: &'static str,
    /// Each ten times as far as the one before, where figures grow so.
    pub(super) logarithmic: bool,
    /// The least and the greatest value that is shown.
    pub(super) from: f64,
    pub(super) to: f64,
    /// The values that are written out.
    pub(super) ticks: Vec<f64>,
    /// Behind a value: `%`, ` ms`.
    pub(super) unit: &'static str,
}

/// Points, joined.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
    /// A lesser one: thin and dashed.
    pub(super) aside: bool,
}

impl Axis {
    /// From 0 to a round number above all values, with four or five ticks.
    pub(super) fn above(name: &'static str, unit: &'static str, most: f64) -> Self {
        let step = scale::round_step(most / 4.0);
        let count = (most / step).ceil().max(1.0) as usize;
        let ticks: Vec<f64> = (0..=count).map(|n| n as f64 * step).collect();
        Self {
            name,
            logarithmic: false,
            from: 0.0,
            to: count as f64 * step,
            ticks,
            unit,
        }
    }

    /// From the first of these rising values to the last; those that have room are ticks.
    pub(super) fn tenfold(name: &'static str, values: &[f64]) -> Self {
        let mut ticks: Vec<f64> = Vec::new();
        for value in values {
            if ticks.last().is_none_or(|last| *value > 2.2 * last) {
                ticks.push(*value);
            }
        }
        Self {
            name,
            logarithmic: true,
            from: values.first().copied().unwrap_or(1.0),
            to: values.last().copied().unwrap_or(10.0),
            ticks,
            unit: "",
        }
    }
}

/// The charts beside each other, as the text of an SVG file.
pub(super) fn picture(charts: &[Chart]) -> String {
    draw::picture(charts)
}
