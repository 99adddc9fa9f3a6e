import ModelFile
import TestSupport
import Testing

/// The schema as a reader in another language sees it.
@Suite(.enabled(if: Python.has("h5py"), "python3 with h5py is absent"))
struct SchemaTests {
  @Test func h5pyReadsEveryTable() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("M.h5")
    try Checkpoint.write(Samples.learner(), to: path)
    let printed = try Python.run(
      """
      import h5py, sys
      f = h5py.File(sys.argv[1])
      text = lambda x: x.decode() if isinstance(x, bytes) else x
      for name in sorted(f.attrs):
          if name != 'content-digest': print('@' + name, text(f.attrs[name]))
      def show(name, x):
          if isinstance(x, h5py.Dataset):
              scale = 'CLASS' in x.attrs
              axes = ' '.join(d.keys()[0] for d in x.dims if len(d)) if not scale else 'scale'
              print(name, x.dtype.str, 'x'.join(map(str, x.shape)), axes)
              assert text(x.attrs['description'])
          else:
              assert text(x.attrs['content-digest']).startswith('xxh64:'), name
      f.visititems(show)
      c, C, D = (f[g + '/counts'][...].astype(int) for g in ('frequency', 'layer-markov', 'token-markov'))
      assert C[0].sum() == 0 and (C[1:] <= c[:-1, :, None]).all() and (D <= c[:, :, None]).all()
      assert (f['metrics/frequency/ranks'][...].sum((1, 2)) == c.sum(1)).all()
      assert f['history/layer-markov/hits_at_3'][-1] == f['metrics/layer-markov/ranks'][:, :, :3].sum()
      """, path)
    #expect(printed == Self.expected.joined(separator: "\n") + "\n")
  }

  /// Attributes by name, then every dataset in alphabetical order with type, shape and axes.
  static let expected =
    [
      "@chunks 6", "@encoding-type moecast-model", "@encoding-version 2", "@events 270",
      "@experts 12", "@live_requests 8", "@model sample",
      "@predictors frequency,layer-markov,layer-product,token-markov", "@prior_frequency 0.5",
      "@prior_row 2.0", "@recall_at [ 1  3  6 12]", "@requests 2", "@software moecast 0.1.0",
      "@tokens 90", "@top_k 3", "expert <u2 12 scale", "frequency/counts <u4 3x12 layer expert",
      "given_expert <u2 12 scale", "history/chunks <u8 6 row", "history/events <u8 6 row",
    ] + ["frequency", "layer-markov", "layer-product"].flatMap(history) + [
      "history/row <u4 6 scale"
    ] + history("token-markov") + [
      "history/tokens <u8 6 row", "layer <u2 3 scale",
      "layer-markov/counts <u4 3x12x12 layer given_expert expert",
    ]
    + ["frequency", "layer-markov", "layer-product", "token-markov"].flatMap { predictor in
      [
        "metrics/\(predictor)/events <u8 3x2 layer stage",
        "metrics/\(predictor)/log_loss <u8 3x2 layer stage",
        "metrics/\(predictor)/ranks <u8 3x2x12 layer stage rank",
      ]
    } + [
      "rank <u2 12 scale", "requests/free_places <u4 0 ",
      "requests/ids <u2 3x2x3 layer request slot", "requests/next_token <u8 2 request",
      "requests/place <u4 2 request", "requests/request <u8 2 scale",
      "requests/slot <u2 3 scale", "requests/stage <u2 2 request", "requests/task <u8 2 request",
      "stage |S7 2 scale", "stream/checksums <u4 6 chunk",
      "stream/chunk <u4 6 scale", "token-markov/counts <u4 3x12x12 layer given_expert expert",
    ]

  static func history(_ predictor: String) -> [String] {
    ["chosen", "events", "hits_at_1", "hits_at_12", "hits_at_3", "hits_at_6", "log_loss"].map {
      "history/\(predictor)/\($0) <u8 6 row"
    }
  }
}
