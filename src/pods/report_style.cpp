#include "pods/report.hpp"

namespace rwp::pods {

std::string_view report_style() {
  return R"(:root{--bg:#f5f6f8;--card:#fff;--ink:#1b2430;--soft:#5c6878;--line:#e3e7ec;--accent:#2f5fd0;
--good:#1c7c4a;--good-bg:#e2f4e9;--fair:#8a5a00;--fair-bg:#fdf0d5;--poor:#b3261e;--poor-bg:#fde4e1;
--technical:#2f5fd0;--tools:#0f7f8c;--methods:#7a4fc0;--soft-skill:#b0577f;--domain:#2b8a4b;
--languages:#b8720b;--other:#6b7686;--mark:#fff0b8}
@media (prefers-color-scheme:dark){:root{--bg:#12161c;--card:#1b2129;--ink:#e7ebf0;--soft:#9aa6b5;
--line:#2d3540;--accent:#7ea2ff;--good:#6fd39c;--good-bg:#17382a;--fair:#f0c063;--fair-bg:#3b2f14;
--poor:#ff9b92;--poor-bg:#442120;--technical:#7ea2ff;--tools:#56c2cf;--methods:#b79aef;
--soft-skill:#e394b6;--domain:#74cf93;--languages:#eab25a;--other:#9aa6b5;--mark:#5a4a12}}
*{box-sizing:border-box}html{scroll-behavior:smooth}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",
Roboto,"Helvetica Neue",Arial,sans-serif;-webkit-text-size-adjust:100%}
header,main,footer{max-width:1240px;margin:0 auto;padding:0 24px}
header{padding-top:36px}header .kind{margin:0;color:var(--accent);font-weight:600;font-size:13px;
letter-spacing:.06em;text-transform:uppercase}
h1{margin:2px 0 4px;font-size:30px;line-height:1.2;overflow-wrap:anywhere}
header p:last-child{margin:0;color:var(--soft)}
h2{margin:40px 0 14px;font-size:20px}h3{margin:0 0 14px;font-size:16px}h4{margin:0 0 4px;font-size:12px;
color:var(--soft);text-transform:uppercase;letter-spacing:.05em}
.tiles{display:grid;grid-template-columns:repeat(6,1fr);gap:14px;margin-top:26px}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:12px}
.tile{padding:16px 18px;display:flex;flex-direction:column}
.tile b{font-size:26px;line-height:1.15;letter-spacing:-.01em;font-variant-numeric:tabular-nums}
.tile span{font-weight:600;margin-top:4px}.tile small{color:var(--soft)}
.tile.good b{color:var(--good)}.tile.fair b{color:var(--fair)}.tile.poor b{color:var(--poor)}
.grid{display:grid;gap:16px}.grid.two{grid-template-columns:1fr 1fr;align-items:stretch}
.card{padding:20px 22px;min-width:0}.card.tall{grid-row:span 2}
.stack{display:grid;gap:16px;align-content:start}
.none,.note{color:var(--soft)}.note{font-size:13px;margin:10px 0 0}
.bars{display:grid;gap:7px}.bar{display:grid;grid-template-columns:minmax(96px,190px) 1fr 92px;gap:12px;
align-items:center;font-size:14px}.bar-name{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.bar-track{background:var(--bg);border-radius:5px;height:16px;overflow:hidden}
.bar-fill{display:block;height:100%;border-radius:5px;background:var(--accent)}
.bar-fill.muted{background:var(--other);opacity:.55}
.bar-count{font-variant-numeric:tabular-nums;text-align:right}
.bar-count small{display:inline-block;width:46px;color:var(--soft)}
.bar-fill.skill-technical,.legend .skill-technical{background:var(--technical)}
.bar-fill.skill-tools,.legend .skill-tools{background:var(--tools)}
.bar-fill.skill-methods,.legend .skill-methods{background:var(--methods)}
.bar-fill.skill-soft,.legend .skill-soft{background:var(--soft-skill)}
.bar-fill.skill-domain,.legend .skill-domain{background:var(--domain)}
.bar-fill.skill-languages,.legend .skill-languages{background:var(--languages)}
.bar-fill.skill-other,.legend .skill-other{background:var(--other)}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;margin:16px 0 0;font-size:13px;color:var(--soft)}
.legend i{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:6px}
svg.columns{width:100%;height:auto;display:block;font:12px system-ui,sans-serif}
svg .grid{stroke:var(--line);stroke-width:1}svg .floor{stroke:var(--soft);stroke-width:1}
svg .column{fill:var(--accent)}svg .column.good{fill:var(--good)}svg .column.fair{fill:var(--fair)}
svg .column.poor{fill:var(--poor)}svg text{fill:var(--soft)}svg .value,svg .tick{text-anchor:middle}
svg .value{fill:var(--ink)}svg .tick{font-size:11px}
svg .marker{stroke:var(--ink);stroke-width:1.5;stroke-dasharray:4 3}
svg .marker-text{fill:var(--ink);font-weight:600}svg .marker-text.left{text-anchor:end}
table{border-collapse:collapse;width:100%;font-size:14px}th{text-align:left;font-size:12px;
color:var(--soft);font-weight:600}th,td{padding:7px 10px 7px 0;border-bottom:1px solid var(--line);
vertical-align:top}.n{text-align:right;padding-right:16px;font-variant-numeric:tabular-nums}
td small{display:block;color:var(--soft)}mark{background:var(--mark);color:inherit;padding:1px 5px;
border-radius:4px;overflow-wrap:anywhere}
.ads{list-style:none;margin:0;padding:0}.ads li{display:grid;grid-template-columns:1fr auto;gap:0 12px;
padding:8px 0;border-bottom:1px solid var(--line)}.ads li:last-child,tbody tr:last-child td{border:0}
.ads a{color:inherit;text-decoration:none;min-width:0}.ads a:hover b{text-decoration:underline}
.ads a span,.ads small{color:var(--soft)}.ads small{grid-column:1/-1}
.counted{list-style:none;margin:0;padding:0}.counted li{display:grid;grid-template-columns:52px 1fr;
gap:12px;padding:6px 0;border-bottom:1px solid var(--line)}.counted li:last-child{border:0}
.counted b{text-align:right;font-variant-numeric:tabular-nums}.counted span{overflow-wrap:anywhere}
.score{display:inline-flex;align-items:center;justify-content:center;min-width:42px;height:26px;
padding:0 8px;border-radius:13px;font-weight:700;font-size:13px;font-variant-numeric:tabular-nums;
white-space:nowrap;align-self:start}.score.good{color:var(--good);background:var(--good-bg)}
.score.fair{color:var(--fair);background:var(--fair-bg)}
.score.poor{color:var(--poor);background:var(--poor-bg)}
.score i{font-style:normal;margin-left:5px;color:var(--poor)}
.controls{display:flex;flex-wrap:wrap;gap:10px;align-items:center;margin-bottom:14px;position:sticky;
top:0;background:var(--bg);padding:8px 0;z-index:1}.controls[hidden]{display:none}
.controls input,.controls select{font:inherit;color:inherit;background:var(--card);padding:8px 12px;
border:1px solid var(--line);border-radius:8px}.controls input{flex:1 1 260px;min-width:0}
.controls output{color:var(--soft)}
.list{background:var(--card);border:1px solid var(--line);border-radius:12px;overflow:hidden}
.head,.ad summary{display:grid;gap:14px;padding:11px 18px;align-items:start;grid-template-columns:
minmax(190px,2.2fr) minmax(100px,1.2fr) 84px minmax(130px,1.2fr) minmax(180px,2.4fr) 66px}
.head{font-size:12px;font-weight:600;color:var(--soft);border-bottom:1px solid var(--line)}
.ad{border-bottom:1px solid var(--line);content-visibility:auto;contain-intrinsic-size:auto 66px;
scroll-margin-top:64px}.ad:last-child{border:0}.ad .who b::before{content:"▸";
color:var(--soft);display:inline-block;width:1.1em;margin-left:-.2em}.ad[open] .who b::before{content:"▾"}.ad summary{cursor:pointer;list-style:none;font-size:14px}
.ad summary::-webkit-details-marker{display:none}.ad summary:hover,.ad[open] summary{background:
color-mix(in srgb,var(--accent) 6%,transparent)}.ad:target{outline:2px solid var(--accent);
outline-offset:-2px}.who b{display:block;overflow-wrap:anywhere}.who span,.where{color:var(--soft);
overflow-wrap:anywhere}.pay.missing{color:var(--poor)}
.chips{display:flex;flex-wrap:wrap;gap:4px}p.chips{margin:0}.chip{font-size:12px;line-height:1.3;
padding:2px 8px;border-radius:10px;border:1px solid var(--line);color:var(--ink);max-width:100%;
overflow-wrap:anywhere}.chip.more{border-color:transparent;color:var(--soft)}
.chip.skill-technical{border-color:var(--technical)}.chip.skill-tools{border-color:var(--tools)}
.chip.skill-methods{border-color:var(--methods)}.chip.skill-soft{border-color:var(--soft-skill)}
.chip.skill-domain{border-color:var(--domain)}.chip.skill-languages{border-color:var(--languages)}
.detail{display:grid;grid-template-columns:1.5fr 1fr;gap:28px;padding:6px 18px 20px;font-size:14px}
.detail section{margin:0 0 14px}.detail ul{margin:0;padding-left:18px}.summary{margin:6px 0 16px;
font-size:15px}.phrases{margin:0;display:flex;flex-wrap:wrap;gap:2px 14px;color:var(--soft)}
.warn h4{color:var(--poor)}dl{display:grid;grid-template-columns:110px 1fr;gap:3px 12px;margin:0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
footer{color:var(--soft);font-size:13px;padding-top:28px;padding-bottom:40px}
@media (max-width:1040px){.tiles{grid-template-columns:repeat(3,1fr)}.head{display:none}
.ad summary{grid-template-columns:1fr auto;gap:4px 14px}.ad .who{grid-column:1}.ad .score{grid-column:2;
grid-row:1}.ad .where,.ad .level,.ad .pay,.ad .chips{grid-column:1/-1}.ad .level{display:none}}
@media (max-width:760px){header,main,footer{padding-left:14px;padding-right:14px}.grid.two,
.detail{grid-template-columns:1fr}.tiles{grid-template-columns:1fr 1fr}h1{font-size:23px}
.bar{grid-template-columns:104px 1fr 86px;gap:8px}.card{padding:16px}.tile b{font-size:22px}}
@media print{:root{--bg:#fff;--card:#fff;--ink:#000;--soft:#444;--line:#bbb}body{font-size:11px}
header,main,footer{max-width:none;padding:0}.controls,.ads a::after{display:none!important}
.card,.tile,.ad{break-inside:avoid}.card{padding:12px}h2{break-after:avoid;margin-top:22px}
.tiles{grid-template-columns:repeat(6,1fr);gap:8px}.tile{padding:9px}.tile b{font-size:18px}
.ad{content-visibility:visible}.bar-fill,.score,mark,svg *{-webkit-print-color-adjust:exact;
print-color-adjust:exact}})";
}

std::string_view report_script() {
  // Order and filter only; without it the page shows everything in the order of the input.
  return R"((function(){
var box=document.getElementById('ads'),all=[].slice.call(box.children);
var find=document.getElementById('find'),show=document.getElementById('show');
var sort=document.getElementById('sort'),shown=document.getElementById('shown');
var texts=all.map(function(a){return a.textContent.toLowerCase()});
all.forEach(function(a,i){a._i=i});
function keep(a,kind){var q=+a.dataset.q;
if(kind==='poor')return q<50;if(kind==='fair')return q>=50&&q<75;if(kind==='good')return q>=75;
if(kind==='unpaid')return a.querySelector('.pay').classList.contains('missing');
if(kind==='wording')return +a.dataset.w>0;return true}
function update(){var words=find.value.toLowerCase().split(/\s+/).filter(Boolean),n=0;
all.forEach(function(a){var t=texts[a._i];
var on=keep(a,show.value)&&words.every(function(w){return t.indexOf(w)>=0});a.hidden=!on;if(on)n++});
shown.textContent=n.toLocaleString('en')+' of '+all.length.toLocaleString('en')}
function order(){var down=sort.value[0]==='-',key=sort.value.replace('-','');
var sorted=all.slice().sort(function(a,b){var x=+a.dataset[key],y=+b.dataset[key];
if(key==='p'||key==='s'){if(x<0!==y<0)return x<0?1:-1}
return (down?y-x:x-y)||a._i-b._i});
var part=document.createDocumentFragment();sorted.forEach(function(a){part.appendChild(a)});
box.appendChild(part)}
var wait;find.addEventListener('input',function(){clearTimeout(wait);wait=setTimeout(update,120)});
show.addEventListener('change',update);sort.addEventListener('change',order);
document.querySelector('.controls').hidden=false;update();
function open(){var a=document.getElementById(location.hash.slice(1));
if(a&&a.classList.contains('ad')){a.hidden=false;a.open=true}}
window.addEventListener('hashchange',open);open()})();)";
}

}  // namespace rwp::pods
