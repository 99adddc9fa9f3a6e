import Counting
import Export
import Forecast
import Prequential
import RoutingTrace
import TestSupport
import Testing

@Suite struct HDF5TablesTests {
  /// h5py and xarray find every axis named, and the numbers are the model's.
  @Test(.enabled(if: Python.has("h5py", "xarray"), "\(Python.absence("h5py", "xarray"))"))
  func othersReadIt() throws {
    let learner = try sampleLearner()
    let folder = try TemporaryFolder()
    let path = try folder.write(exported(learner, by: HDF5Tables.self).output, to: "t.h5")
    let printed = try Python.run(
      """
      import h5py, sys, xarray
      with h5py.File(sys.argv[1]) as f:
          print(f.attrs['model'].decode(), f.attrs['experts'], f.attrs['top_k'],
                f.attrs['learnt_tokens'].decode())
          print(f['token_markov'][2, 7].tolist())
          print({n: tuple(d.dims[i][0].name[1:] for i in range(d.ndim)) for n, d in f.items()
                 if d.ndim > 1})
          print([x.decode() for x in f['predictor']], repr(float(f['recall_at_k'][1, 2, 1])))
      for engine in ('h5netcdf', 'netcdf4'):
          try:
              data = xarray.open_dataset(sys.argv[1], engine=engine)
          except (ImportError, ValueError):
              continue
          assert sorted(data.sizes) == ['expert', 'given_expert', 'layer', 'learnt_checksums',
                                        'predictor', 'stage'], data
          print(data['layer_markov'].sel(layer=5).values.sum())
          break
      """, path)
    let row = Array((learner.layers[2].counts.tokenPairs ?? []).dropFirst(84).prefix(12))
    let recall = try #require(learner.layers[2].metrics[1].score(of: [.decode]).recall(at: 3))
    let sum = (learner.layers[2].counts.layerPairs ?? []).reduce(0, +)
    #expect(
      printed == """
        sample 12 3 90
        \(row)
        {'events': ('predictor', 'layer', 'stage'), 'frequency': ('layer', 'expert'), \
        'layer_markov': ('layer', 'given_expert', 'expert'), \
        'log_loss_bits': ('predictor', 'layer', 'stage'), \
        'recall_at_k': ('predictor', 'layer', 'stage'), \
        'token_markov': ('layer', 'given_expert', 'expert')}
        ['frequency', 'layer-markov', 'layer-product', 'token-markov'] \(recall)
        \(sum)

        """)
  }
}
