/// How command lines name standard input and standard output.
public enum StandardStream {
  /// Stands in the place of a file's name.
  public static let dash = "-"
}
