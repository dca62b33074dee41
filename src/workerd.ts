/** What runs wherever `fetch` runs: all of downloadview but what needs a disk. */
export { readOpened } from "./files/content.ts";
export type { BytesContent, ChunksContent, Content, SeekableContent } from "./files/content.ts";
export * from "./errors.ts";
export type { Choice, Chosen } from "./choice.ts";
export { HeaderFields, type HeaderFieldsInit } from "./http/header-fields.ts";
export type { ByteRange, RangeSpec } from "./http/range.ts";
export type {
  DownloadFile,
  FileStat,
  OpenFile,
  OpenOptions,
  SignedUrlOptions,
  StatOptions,
} from "./files/download-file.ts";
export type { DotfilePolicy } from "./files/dotfiles.ts";
export type { EntityTagOption } from "./files/local/etag.ts";
export { blobFile, type BlobFileOptions } from "./files/blob-file.ts";
export { DescribedFile, unwrap, type FileDescription } from "./files/described-file.ts";
export type { HTTPFileOptions, RemoteLimits } from "./files/remote/http-file-options.ts";
export { HTTPFile } from "./files/remote/http-file.ts";
export type { ResolveHost } from "./files/remote/node-fetch.ts";
export type { ByteSource } from "./files/byte-source.ts";
export type { Chunk } from "./files/bytes.ts";
export { VirtualFile, type VirtualFileOptions, type VirtualSource } from "./files/virtual-file.ts";
export type { VirtualReadOptions, VirtualSourceFunction } from "./files/virtual-file-content.ts";
export type { FileTimes, SaveOptions, Storage, StorageContent, StorageEntry } from "./storages/storage.ts";
export { BlobProviderStorage, type BlobProvider, type FileLike } from "./storages/third-party/blob-provider-storage.ts";
export { MemoryStorage } from "./storages/memory-storage.ts";
export { normalizeName } from "./storages/name.ts";
export { StorageFile } from "./storages/storage-file.ts";
export type { Delivery, DownloadMessage, DownloadOutcome, OnFinish } from "./responses/delivery.ts";
export type { RenderOptions } from "./responses/render.ts";
export type { BeforeSend, Transfer } from "./responses/transfer.ts";
export { crossOrigin, type CrossOrigin, type CrossOriginOptions } from "./responses/cross-origin.ts";
export { DownloadResponse, type DownloadHooks } from "./responses/download-response.ts";
export type {
  ActiveContentPolicy,
  DownloadOptions,
  Presentation,
  PresentationMethods,
  PresentedResponse,
  PresentationOptions,
  ResponseFields,
} from "./responses/presentation.ts";
export {
  isDownloadResponse,
  isProxiedDownloadResponse,
  withMiddleware,
  type DownloadHandler,
  type DownloadMiddleware,
  type DownloadRequest,
  type DownloadResult,
  type ViewContext,
} from "./responses/handler.ts";
export { ProxiedDownloadResponse, type ProxiedDownloadOptions } from "./responses/proxied-download-response.ts";
export type { RenderedResponse, ResponseBody, SlowReaders } from "./responses/rendered-response.ts";
export { View, type ContextOf, type Dispatchable, type ViewOptions } from "./views/view.ts";
export { DownloadMixin, type DownloadMembers, type DownloadResponseClass } from "./views/base-download-view.ts";
export { BaseDownloadView } from "./views/base-download-view.ts";
export { HTTPDownloadView } from "./views/http-download-view.ts";
export { ObjectDownloadView, type Model } from "./views/object-download-view.ts";
export { StorageDownloadView } from "./views/storage-download-view.ts";
export { VirtualDownloadView } from "./views/virtual-download-view.ts";
export { download, type Downloadable, type DownloadContentOptions } from "./views/download.ts";
export { authorizeDownloads, type AuthorizeDownloadsOptions } from "./offload/auth-request/authorize-downloads.ts";
export type { AskingServerName, OriginalDownload } from "./offload/auth-request/original-request.ts";
export { DownloadDispatcher } from "./offload/download-dispatcher.ts";
export type { OffloadRule } from "./offload/rule.ts";
export { smartDownloadMiddleware, type SmartDownloadOptions } from "./offload/smart-download-middleware.ts";
