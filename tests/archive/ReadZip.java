import java.io.*;
import java.security.MessageDigest;
import java.util.*;
import java.util.zip.*;

/** Prints the SHA-256 and the name of each file of an archive, read from a path or, without one, from standard input. */
class ReadZip {
  public static void main(String[] arguments) throws Exception {
    PrintStream out = new PrintStream(new BufferedOutputStream(System.out), false, "UTF-8");
    if (arguments.length > 0) {
      try (ZipFile zip = new ZipFile(arguments[0])) {
        for (ZipEntry entry : Collections.list(zip.entries())) print(out, entry, zip.getInputStream(entry));
      }
    } else {
      ZipInputStream zip = new ZipInputStream(new BufferedInputStream(System.in));
      for (ZipEntry entry; (entry = zip.getNextEntry()) != null; ) print(out, entry, zip);
    }
    out.flush();
  }

  static void print(PrintStream out, ZipEntry entry, InputStream content) throws Exception {
    if (entry.isDirectory()) return;
    MessageDigest digest = MessageDigest.getInstance("SHA-256");
    byte[] buffer = new byte[65536];
    for (int count; (count = content.read(buffer)) > 0; ) digest.update(buffer, 0, count);
    out.println(HexFormat.of().formatHex(digest.digest()) + " " + entry.getName());
  }
}
