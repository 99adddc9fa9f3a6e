import Counting
import Export
import Forecast
import Placement
import Prequential
import TestSupport
import Testing
import Wafer

@Suite struct PredictionTableTests {
  /// NumPy makes the same table of the model's token heatmap, by the definition.
  @Test(.enabled(if: Python.has("numpy"), "\(Python.absence("numpy"))"), arguments: [false, true])
  func theTableIsTheDefinitions(_ isPlaced: Bool) throws {
    let learner = try sampleLearner()
    var settings = ExportSettings()
    (settings.devices, settings.topN, settings.copyEntries) = (3, 4, 7)
    // Five slots a device, some of them copies.
    let map = [
      [0, 1, 3, 4, 2, 5, 6, 7, 8, 2, 9, 10, 11, 0, 2],
      [2, 1, 0, 4, 2, 5, 6, 7, 8, 3, 9, 10, 11, 3, 3],
      [11, 10, 9, 8, 0, 7, 6, 5, 4, 1, 3, 2, 1, 0, 1],
    ]
    if isPlaced {
      settings.placement = try PlacementFile(
        bytes: Array("{\"physical_to_logical_map\": \(map)}".utf8), from: "p.json")
    }
    let folder = try TemporaryFolder()
    let path = try folder.write(
      exported(learner, by: PredictionTable.self, settings).output, to: "p.npz")
    let tables = try folder.write(exported(learner, by: NPZTables.self).output, to: "t.npz")
    let printed = try Python.run(
      """
      import numpy as np, sys
      p, D = np.load(sys.argv[1]), np.load(sys.argv[2])['D'].astype(int)
      held = np.zeros((3, 3, 12), bool)
      for layer, slots in enumerate(eval(sys.argv[3])):
          for slot, expert in enumerate(slots):
              held[slot * 3 // len(slots), layer, expert] = True
      bits = lambda name: np.unpackbits(p[name], axis=2, bitorder='little').astype(bool)[:, :, :12]
      assert (bits('is_local') == held).all()
      top = np.argsort(-D, axis=2, kind='stable')[:, :, :4]
      rows = np.zeros((3, 12, 12), bool)
      np.put_along_axis(rows, top, True, 2)
      assert (bits('row_cp_en') == rows).all()
      room, copies = 7 // 3, 0
      for die in range(3):
          for layer in range(3):
              expected = (D[layer] * rows[layer])[held[die, layer]].sum(0)
              expected[held[die, layer]] = 0
              best = [j for j in np.argsort(-expected, kind='stable') if expected[j]][:room]
              assert p['entries'][die, layer].tolist() == best + [-1] * (room - len(best))
              assert np.flatnonzero(bits('cp_en')[die, layer]).tolist() == sorted(best)
              copies += len(best)
      print(p['entries'].shape, copies > 9, int(p['top_n']), p['model_layers'].tolist())
      """, path, tables, isPlaced ? "\(map)" : "[range(12)] * 3")
    #expect(printed == "(3, 3, 2) True 4 [1, 2, 5]\n")
  }

  @Test func whatIsNotThereIsSaid() throws {
    #expect(throws: ExportError.self) {
      try exported(sampleLearner(predictors: ["frequency"]), by: PredictionTable.self)
    }
    var settings = ExportSettings()
    settings.copyEntries = 2
    #expect(throws: ExportError.self) {
      try exported(sampleLearner(), by: PredictionTable.self, settings)
    }
  }
}
