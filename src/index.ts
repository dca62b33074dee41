export * from "./workerd.ts";
export { localFileCache, type LocalFileCache } from "./files/local/memory.ts";
export { LocalFile, type LocalFileOptions } from "./files/local/local-file.ts";
export type { PrecompressedCoding } from "./files/local/precompressed-file.ts";
export { FileSystemStorage, type FileSystemStorageOptions } from "./storages/file-system/file-system-storage.ts";
export type { FileModes } from "./storages/file-system/save.ts";
export { PathDownloadView } from "./views/path-download-view.ts";
export { sendFile, type NodeLikeRequest, type SendFileOptions } from "./views/send-file.ts";
export { SignedFileSystemStorage, type SignedFileSystemStorageOptions } from "./signing/signed-file-system-storage.ts";
