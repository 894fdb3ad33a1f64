import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;

/** Sends one request for each argument, `METHOD URL TOKEN BODY`, on one client, and prints `status version body`. */
public class JavaClient {
  public static void main(String[] args) throws Exception {
    HttpClient client = HttpClient.newHttpClient();
    for (int at = 0; at < args.length; at += 4) {
      String token = args[at + 2];
      String body = args[at + 3];
      var publisher = body.isEmpty()
          ? HttpRequest.BodyPublishers.noBody()
          : HttpRequest.BodyPublishers.ofString(body);
      var builder = HttpRequest.newBuilder(URI.create(args[at + 1])).method(args[at], publisher);
      if (!token.isEmpty()) builder.header("Authorization", "Bearer " + token);
      var response = client.send(builder.build(), BodyHandlers.ofString());
      System.out.println(response.statusCode() + " " + response.version() + " " + response.body().trim());
    }
  }
}
