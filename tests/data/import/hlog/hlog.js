const hdr = require('hdr-histogram-js');
const fs = require('fs');
let out = '';
const w = new hdr.HistogramLogWriter((s) => { out += s; });
const base = 1764072000000;
w.outputComment('[Logged with hdr-histogram-js 3.0.1]');
w.outputLogFormatVersion(); w.outputStartTime(base); w.baseTime = base; w.outputLegend();
let seed = 12345; const rnd = () => (seed = (seed * 1103515245 + 12345) % 2147483648) / 2147483648;
const all = hdr.build({ numberOfSignificantValueDigits: 2 });
for (let i = 0; i < 3; i++) {
  const h = hdr.build({ numberOfSignificantValueDigits: 2 });
  for (let k = 0; k < 300; k++) h.recordValue(Math.round(1e6 * (1 + 10 * rnd() * rnd())));
  h.startTimeStampMsec = base + i * 1000; h.endTimeStampMsec = base + (i + 1) * 1000;
  all.add(h); w.outputIntervalHistogram(h);
}
fs.writeFileSync('js.hlog', out);
fs.writeFileSync('js.hlog.txt', `count=${all.totalCount} mean=${all.mean} p50=${all.getValueAtPercentile(50)} p90=${all.getValueAtPercentile(90)} p99=${all.getValueAtPercentile(99)} max=${all.maxValue}\n`);
