import SystemPackage

/// What somebody wanted of a file when the system refused it.
public enum FileUse: Sendable {
  /// To find it, open it, read it or list it.
  case reading
  /// To make it, write it or give it its name.
  case writing
}

extension Errno {
  /// What a user can do about the system's refusal, as a clause for messages.
  ///
  /// Only what follows from the code itself: a place that may not be written to is not a matter of
  /// space, a full disk is not one of the path.
  public func remedy(for use: FileUse) -> String {
    switch (self, use) {
    case (.noSpace, _), (.diskQuotaExceeded, _): "make room and try again"
    case (.fileTooLarge, _): "raise the limit on file sizes (ulimit -f) or choose another disk"
    case (.permissionDenied, .reading), (.notPermitted, .reading):
      "make it and its folders readable for this user (chmod), or run as one who may read it"
    case (.permissionDenied, .writing), (.notPermitted, .writing), (.readOnlyFileSystem, _):
      "choose a place you may write to"
    case (.noSuchFileOrDirectory, .reading): "check the path"
    case (.noSuchFileOrDirectory, .writing): "make its folder first"
    case (.notDirectory, _): "check the path: what stands before a / in it is no folder"
    case (.isDirectory, _): "name a file"
    case (.tooManySymbolicLinkLevels, _): "name the file itself: its links lead in a circle"
    case (.fileNameTooLong, _): "choose a shorter name"
    case (.tooManyOpenFiles, _), (.tooManyOpenFilesInSystem, _):
      "raise the limit on open files (ulimit -n)"
    case (.noMemory, _): "make memory free, or raise its limit (ulimit -v)"
    case (.badFileDescriptor, _): "leave it open, or name a file"
    case (.ioError, _): "check the disk"
    case (.resourceBusy, _), (.textFileBusy, _): "wait until nobody uses it"
    case (.staleNFSFileHandle, _): "try again: it was replaced on its server"
    case (_, .reading): "try again, or copy it to another disk and read it there"
    case (_, .writing): "try again, or choose another disk"
    }
  }
}
