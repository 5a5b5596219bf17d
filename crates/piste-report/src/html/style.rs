//! The report's style sheet.
//!
//! In: nothing. Out: CSS for screen and for A4. Dark text on white; colour marks levels and is never the only sign.

use piste_model::Level;

/// Inline style sheet of the page.
pub(super) const CSS: &str = "
:root{color-scheme:light}
*{box-sizing:border-box}
body{margin:0 auto;padding:2.2rem 1.6rem 3rem;max-width:66rem;background:#fff;color:#1a1d21;
 font:16px/1.55 'Segoe UI','Helvetica Neue',Arial,'Liberation Sans',sans-serif}
h1{font-size:1.9rem;line-height:1.2;margin:.1rem 0 1rem;font-weight:600;overflow-wrap:anywhere}
h2{font-size:1.25rem;margin:2.6rem 0 .8rem;padding-bottom:.3rem;border-bottom:1px solid #c9ced4;font-weight:600}
h3{font-size:1rem;margin:1.5rem 0 .4rem;font-weight:600}
p,ul{margin:.5rem 0;max-width:48rem}
.kind{color:#4a525b;margin:0}
header{border-bottom:2px solid #1a1d21;padding-bottom:.9rem}
nav ol{columns:2;margin:0;padding-left:1.4rem;font-size:.9rem}
a{color:#14457a}
dl.result{margin:0;display:grid;grid-template-columns:8.5rem 1fr;row-gap:.9rem}
dl.result dt{font-weight:600}
dl.result dd{margin:0;max-width:44rem}
dl.result dd p:first-child,dl.result dd ul:first-child{margin-top:0}
dl.result ul{padding-left:1.1rem}
dl.answers{margin:0}
dl.answers dt{font-weight:600;font-size:1.02rem;margin:1.1rem 0 .1rem}
dl.answers dd{margin:0;max-width:52rem}
dl.answers dd p{margin:.1rem 0}
dl.answers dd p b{font-weight:600}
dl.answers ul{margin:.2rem 0;padding-left:1.1rem;max-width:52rem}
dl.answers li{margin:.12rem 0}
dl.known{margin:.3rem 0 .6rem;display:grid;grid-template-columns:8.5rem 1fr;row-gap:.2rem;font-size:.92rem}
dl.known dt,dl.joined dt{color:#4a525b}
dl.known dd{margin:0;max-width:50rem}
.steps{table-layout:fixed}
.steps th:first-child{width:3.6rem}
.steps th:nth-child(2){width:8.6rem}
.steps th:nth-child(3){width:10.5rem}
.steps .step{font-weight:600}
.steps td.t{width:auto}
.deed{font-weight:600}
.technique{font-size:.8rem;color:#4a525b}
.joined{font-size:.8rem;color:#383f47}
.figures{display:flex;flex-wrap:wrap;gap:0;margin:1.6rem 0 0;padding:0;list-style:none;max-width:none;
 border:1px solid #c9ced4}
.figures li{flex:1 1 6rem;padding:.6rem .8rem;border-right:1px solid #c9ced4}
.figures li:last-child{border-right:0}
.figures b{display:block;font-size:1.45rem;font-weight:600;line-height:1.25;font-variant-numeric:tabular-nums}
.figures span{display:block;font-size:.82rem;line-height:1.35;color:#4a525b}
figure{margin:1rem 0}
figcaption{font-size:.88rem;color:#383f47;max-width:48rem;margin-bottom:.5rem}
svg{display:block;width:100%;height:auto}
table{border-collapse:collapse;width:100%;font-size:.86rem;line-height:1.4;margin:.6rem 0}
caption{text-align:left;font-weight:600;padding:.5rem 0 .3rem}
th,td{text-align:left;vertical-align:top;padding:.35rem .7rem .35rem 0;border-bottom:1px solid #dfe3e7;
 overflow-wrap:anywhere}
thead th{border-bottom:1.5px solid #6a737d;font-weight:600;overflow-wrap:normal}
tbody th{font-weight:400}
td.n,th.n{text-align:right;padding-left:.7rem;font-variant-numeric:tabular-nums;white-space:nowrap;overflow-wrap:normal}
td.t{font-variant-numeric:tabular-nums;width:11rem}
.h{width:11rem}
td.t span{white-space:nowrap}
td.n+td,th.n+th:not(.n){padding-left:.9rem}
.narrow{width:auto;min-width:26rem}
.finding td,.finding th{border-bottom:0}
.finding tr:last-child td{border-bottom:1px solid #c9ced4;padding-bottom:.7rem}
.finding .what{font-weight:600;font-size:.95rem}
.finding .id{width:7.4rem;overflow-wrap:normal}
.finding dl{margin:.25rem 0 0;display:grid;grid-template-columns:6.5rem 1fr;column-gap:.6rem;row-gap:.05rem}
.finding dt{color:#4a525b}
.finding dd{margin:0}
.finding .rows{font-size:.8rem;color:#383f47;padding:0 0 .7rem 7.4rem}
.finding .rows code{font-size:1em}
.finding .rows ul{margin:0;padding:0;list-style:none;max-width:none}
.new{font-weight:600;border-bottom:2px solid #14457a}
.ref{display:inline-block;min-width:6.5rem;margin-right:.4rem;font-weight:600;white-space:nowrap}
.level{display:inline-block;margin-top:.15rem;padding:0 .4rem;border-radius:2px;font-size:.74rem;font-weight:600;
 border:1px solid}
.critical{background:#8f1313;color:#fff;border-color:#8f1313}
.high{background:#c2540a;color:#fff;border-color:#c2540a}
.medium{background:#fbe6a2;color:#3d2f00;border-color:#b58900}
.low{background:#e3f1e3;color:#173d17;border-color:#4d8b4d}
.informational{background:#eef0f2;color:#2b3138;border-color:#8b949e}
dd{overflow-wrap:anywhere}
.sha{font-size:.8rem;white-space:normal}
code,.mono{font-family:Consolas,'DejaVu Sans Mono','Liberation Mono',Menlo,monospace;font-size:.92em;
 overflow-wrap:anywhere}
pre{background:#f5f6f8;border:1px solid #dfe3e7;padding:.6rem .8rem;overflow-x:auto;font-size:.86rem}
.note{font-size:.88rem;color:#383f47}
.rest{font-style:italic;color:#383f47;font-size:.88rem}
footer{margin-top:2.6rem;border-top:1px solid #c9ced4;font-size:.85rem;color:#4a525b}
@page{size:A4;margin:17mm 15mm 18mm;@bottom-right{content:counter(page) ' / ' counter(pages);
 font:9pt Arial,sans-serif;color:#4a525b}}
@media print{
 #answers{break-after:page}
 html{font-size:9.5pt}
 body{font-size:1rem;line-height:1.45;max-width:none;padding:0}
 a{color:inherit;text-decoration:none}
 h2{break-after:avoid;margin-top:1.5rem}
 h3,caption,figcaption{break-after:avoid}
 thead{display:table-header-group}
 tr,.finding,figure{break-inside:avoid}
 .level,svg{-webkit-print-color-adjust:exact;print-color-adjust:exact}
 pre{white-space:pre-wrap}
}
@media (max-width:44rem){
 dl.result,.finding dl,dl.known{grid-template-columns:1fr}
 .steps{table-layout:auto}
 nav ol{columns:1}
 .narrow{min-width:0}
}
";

/// Colour of a level in a picture, dark enough to be seen on white.
pub(super) fn fill(level: Level) -> &'static str {
    match level {
        Level::Critical => "#8f1313",
        Level::High => "#c2540a",
        Level::Medium => "#c99a06",
        Level::Low => "#4d8b4d",
        Level::Informational => "#8b949e",
    }
}
