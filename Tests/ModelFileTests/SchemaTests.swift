import ModelFile
import Prequential
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
              assert scale or text(x.attrs['units']) == ('2^-24 bit' if 'log_loss' in name else '1')
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
      "@chunks 6", "@encoding-type moecast-model", "@encoding-version 3", "@events 270",
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
      "rank <u2 12 scale", "requests/free_place <u4 0 scale",
      "requests/free_places <u4 0 free_place",
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

  /// Mixtures' tables are laid out by layer, expert, part and group; every axis of every group has
  /// a name, so that xarray need not make one up. 12 experts are padded to 16.
  @Test(.enabled(if: Python.has("xarray", "h5netcdf"), "\(Python.absence("xarray", "h5netcdf"))"))
  func xarrayOpensEveryGroup() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("M.h5")
    let shape = try Samples.shape()
    let learner = try Samples.learner(
      Samples.chunks(shape: shape), shape: shape,
      predictors: Samples.predictors + ["mixture-all", "mixture-fast:halving-64"])
    try Checkpoint.write(learner.scoringAnew(), to: path)
    let printed = try Python.run(
      """
      import h5py, sys, xarray
      groups = ['/']
      h5py.File(sys.argv[1]).visititems(
          lambda name, x: groups.append(name) if isinstance(x, h5py.Group) else None)
      for group in groups:
          d = xarray.open_dataset(sys.argv[1], engine='h5netcdf', group=group).load()
          assert not [n for n in d.dims if n.startswith('phony')], (group, d.dims)
      print(len(groups), len(xarray.open_datatree(sys.argv[1], engine='h5netcdf').groups))
      d = xarray.open_dataset(sys.argv[1], engine='h5netcdf', group='mixtures/mixture-all')
      for name in ('rows_layer', 'row_totals_layer', 'weights', 'linear', 'linear_tasks', 'linear_bias',
          'rows_pairs', 'repeat_sets', 'paths', 'trail_scores'):
          print(name, *d[name].dims, d[name].attrs['units'])
      print(d.part.values[:3], d.group.values[[0, 1, 9]])
      total = d.rows_layer.isel(lane=slice(0, 12)).sum('lane').values
      assert (total == d.row_totals_layer.values).all() and total[1:].sum() > 0
      assert (d.frequency.sum('lane') == d.frequency_totals).all()
      """, path)
    #expect(
      printed == """
        24 24
        rows_layer layer given_expert lane 1
        row_totals_layer layer given_expert 1
        weights layer part 1
        linear layer group given_expert lane 1
        linear_tasks layer task lane 1
        linear_bias layer lane 1
        rows_pairs layer row_of_pairs lane 1
        repeat_sets layer context set slot 1
        paths stored layer word 1
        trail_scores place candidate metric 1
        [b'frequency' b'layer' b'skip2'] [b'previous token' b'1 back' b'first layer']

        """)
  }
}
