//! The picture itself.

use std::fmt::Write as _;

use super::scale::{place, written};
use super::{Chart, Line};

/// One chart, in units of the picture.
const WIDTH: f64 = 460.0;
const HEIGHT: f64 = 330.0;

/// Between the chart's edge and what is drawn.
const LEFT: f64 = 62.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 92.0;
const BOTTOM: f64 = 52.0;

/// Between two lines of the legend.
const LEGEND: f64 = 16.0;

/// Of the lines, in their order: told apart on white and on dark, and by people who see few colours.
const COLOURS: [&str; 4] = ["#2f81f7", "#e3742f", "#2da44e", "#a371f7"];

/// The ground is left to the page. Grey in the middle is read on both; a reader who knows the page's
/// scheme gets more contrast.
const STYLE: &str = "
text { font: 12px system-ui, sans-serif; fill: #6e7781 }
.title { font-size: 15px; font-weight: 600; fill: #57606a }
.grid { stroke: #8c959f; stroke-opacity: .3; stroke-width: 1 }
.base { stroke: #8c959f; stroke-width: 1 }
.line { fill: none; stroke-width: 2.5; stroke-linejoin: round; stroke-linecap: round }
.aside { stroke-width: 1.5; stroke-dasharray: 5 5 }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1 }
  .title { fill: #d1d7e0 }
}
";

pub(super) fn picture(charts: &[Chart]) -> String {
    let width = WIDTH * charts.len() as f64;
    let mut svg = String::new();
    // A `String` takes everything.
    let _ = writeln!(
        svg,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {HEIGHT}\" role=\"img\">\n<style>{STYLE}</style>"
    );
    let titles: Vec<&str> = charts.iter().map(|chart| chart.title.as_str()).collect();
    let _ = writeln!(svg, "<title>{}</title>", escaped(&titles.join("; ")));
    for (number, chart) in charts.iter().enumerate() {
        let _ = writeln!(
            svg,
            "<g transform=\"translate({} 0)\">",
            WIDTH * number as f64
        );
        draw(&mut svg, chart);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

fn draw(svg: &mut String, chart: &Chart) {
    let x = |value: f64| LEFT + place(&chart.across, value) * (WIDTH - LEFT - RIGHT);
    let y = |value: f64| HEIGHT - BOTTOM - place(&chart.up, value) * (HEIGHT - TOP - BOTTOM);
    text(svg, "title", LEFT, 22.0, "start", &chart.title);
    text(svg, "", LEFT, 40.0, "start", &chart.note);
    for tick in &chart.up.ticks {
        let class = if *tick <= chart.up.from {
            "base"
        } else {
            "grid"
        };
        line(svg, class, [LEFT, y(*tick), WIDTH - RIGHT, y(*tick)]);
        let label = format!("{}{}", written(*tick), chart.up.unit);
        text(svg, "", LEFT - 8.0, y(*tick) + 4.0, "end", &label);
    }
    for tick in &chart.across.ticks {
        let bottom = HEIGHT - BOTTOM;
        line(svg, "base", [x(*tick), bottom, x(*tick), bottom + 4.0]);
        let label = format!("{}{}", written(*tick), chart.across.unit);
        text(svg, "", x(*tick), bottom + 19.0, "middle", &label);
    }
    let middle = f64::midpoint(LEFT, WIDTH - RIGHT);
    text(svg, "", middle, HEIGHT - 12.0, "middle", chart.across.name);
    text(svg, "", LEFT - 8.0, TOP - 14.0, "end", chart.up.name);

    let mut legend = LEFT;
    for (shown, colour) in chart.lines.iter().zip(COLOURS.iter().cycle()) {
        curve(svg, shown, colour, &x, &y);
        let at = TOP - LEGEND * 2.0;
        let class = if shown.aside { "line aside" } else { "line" };
        let _ = writeln!(
            svg,
            "<path class=\"{class}\" stroke=\"{colour}\" d=\"M{legend:.1} {at:.1}h18\"/>"
        );
        text(svg, "", legend + 24.0, at + 4.0, "start", &shown.name);
        legend += 44.0 + 6.3 * shown.name.chars().count() as f64;
    }
}

fn curve(
    svg: &mut String,
    shown: &Line,
    colour: &str,
    x: &impl Fn(f64) -> f64,
    y: &impl Fn(f64) -> f64,
) {
    let points: Vec<String> = shown
        .points
        .iter()
        .map(|(across, up)| format!("{:.1} {:.1}", x(*across), y(*up)))
        .collect();
    let class = if shown.aside { "line aside" } else { "line" };
    let path = points.join("L");
    let _ = writeln!(
        svg,
        "<path class=\"{class}\" stroke=\"{colour}\" d=\"M{path}\"/>"
    );
    for (across, up) in &shown.points {
        let (cx, cy) = (x(*across), y(*up));
        let told = format!(
            "{}: {}",
            written(*across),
            written((up * 100.0).round() / 100.0)
        );
        let _ = writeln!(
            svg,
            "<circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3\" fill=\"{colour}\"><title>{told}</title></circle>"
        );
    }
}

fn line(svg: &mut String, class: &str, [x1, y1, x2, y2]: [f64; 4]) {
    let _ = writeln!(
        svg,
        "<path class=\"{class}\" d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\"/>"
    );
}

fn text(svg: &mut String, class: &str, x: f64, y: f64, anchor: &str, what: &str) {
    let what = escaped(what);
    let _ = writeln!(
        svg,
        "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{what}</text>"
    );
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::super::{Axis, Chart, Line};
    use super::picture;

    #[test]
    fn every_line_stands_in_the_picture_and_text_is_escaped() {
        let line = |name: &str, aside| Line {
            name: name.to_owned(),
            points: vec![(1000.0, 2.0), (50_000.0, 4.0)],
            aside,
        };
        let svg = picture(&[Chart {
            title: "Latency <p50 & p95>".to_owned(),
            note: String::new(),
            across: Axis::tenfold("turns", &[1000.0, 2000.0, 50_000.0]),
            up: Axis::above("", " ms", 4.0),
            lines: vec![line("p50", false), line("p95", true)],
        }]);
        assert!(svg.contains("Latency &lt;p50 &amp; p95&gt;"), "{svg}");
        assert!(svg.contains(">50,000</text>") && svg.contains(">4 ms</text>"));
        assert_eq!(svg.matches("<circle").count(), 4);
        assert!(!svg.contains("NaN") && !svg.contains("inf"));
        // The greatest value of all is at the chart's top right.
        assert!(svg.contains("cx=\"430.0\" cy=\"92.0\""), "{svg}");
    }
}
