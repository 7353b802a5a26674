import org.HdrHistogram.*;
import java.io.*;
import java.util.*;
public class Hlog {
  public static void main(String[] a) throws Exception {
    Random r = new Random(7);
    HistogramLogWriter w = new HistogramLogWriter(new File("java.hlog"));
    long base = 1764072000000L;
    w.outputComment("[Logged with HdrHistogram 2.1.11, HistogramLogWriter]");
    w.outputLogFormatVersion();
    w.outputStartTime(base);
    w.setBaseTime(base);
    w.outputLegend();
    Histogram all = new Histogram(3), search = new Histogram(3);
    for (int i = 0; i < 5; i++) {
      for (int tagged = 0; tagged < 2; tagged++) {
        Histogram h = new Histogram(3);
        for (int k = 0; k < 400; k++) {
          long v = (long) (Math.exp(r.nextGaussian() * 0.5) * (tagged == 0 ? 2_000_000 : 5_000_000));
          h.recordValue(v);
        }
        h.setStartTimeStamp(base + i * 1000L);
        h.setEndTimeStamp(base + (i + 1) * 1000L);
        if (tagged == 1) { h.setTag("search"); search.add(h); } else { all.add(h); }
        w.outputIntervalHistogram(h);
      }
    }
    w.close();
    PrintStream o = new PrintStream("java.hlog.txt");
    for (Histogram h : new Histogram[] { all, search }) {
      o.printf(Locale.ROOT, "%s count=%d min=%d mean=%.3f p50=%d p90=%d p95=%d p99=%d max=%d%n", h == all ? "untagged" : "search",
        h.getTotalCount(), h.getMinValue(), h.getMean(), h.getValueAtPercentile(50), h.getValueAtPercentile(90), h.getValueAtPercentile(95), h.getValueAtPercentile(99), h.getMaxValue());
    }
    o.close();
  }
}
