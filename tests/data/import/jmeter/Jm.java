import org.apache.jmeter.control.LoopController;
import org.apache.jmeter.engine.StandardJMeterEngine;
import org.apache.jmeter.protocol.http.sampler.HTTPSampler;
import org.apache.jmeter.protocol.http.sampler.HTTPSamplerBase;
import org.apache.jmeter.reporters.*;
import org.apache.jmeter.testelement.TestPlan;
import org.apache.jmeter.threads.ThreadGroup;
import org.apache.jmeter.util.JMeterUtils;
import org.apache.jorphan.collections.HashTree;
import java.util.Locale;
public class Jm {
  static HTTPSamplerBase sampler(String name, String path) {
    HTTPSamplerBase s = new HTTPSampler();
    s.setName(name); s.setDomain("127.0.0.1"); s.setPort(18099); s.setPath(path); s.setMethod("GET"); s.setUseKeepAlive(true);
    return s;
  }
  public static void main(String[] a) throws Exception {
    String home = "/usr/share/jmeter";
    JMeterUtils.setJMeterHome(home);
    JMeterUtils.loadJMeterProperties(home + "/bin/jmeter.properties");
    JMeterUtils.setProperty("jmeter.save.saveservice.output_format", "csv");
    JMeterUtils.setProperty("jmeter.save.saveservice.print_field_names", "true");
    JMeterUtils.setProperty("summariser.name", "summary");
    JMeterUtils.initLogging(); JMeterUtils.initLocale();
    LoopController loop = new LoopController(); loop.setLoops(40); loop.setFirst(true); loop.initialize();
    ThreadGroup group = new ThreadGroup(); group.setName("users"); group.setNumThreads(2); group.setRampUp(0); group.setSamplerController(loop);
    TestPlan plan = new TestPlan("plan");
    HashTree tree = new HashTree();
    HashTree g = tree.add(plan).add(group);
    g.add(sampler("home, page", "/")); g.add(sampler("nothing", "/nothing"));
    Summariser sum = new Summariser("summary");
    ResultCollector rc = new ResultCollector(sum); rc.setFilename("jmeter.jtl");
    tree.add(tree.getArray()[0], rc);
    StandardJMeterEngine e = new StandardJMeterEngine(); e.configure(tree); e.run();
    Thread.sleep(500);
    System.exit(0);
  }
}
