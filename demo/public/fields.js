/** What each field of a download says, in a sentence. */
export const meanings = {
  range: "The client asks for these bytes alone: for the rest of a download, or for a place in a video.",
  "if-range":
    "“The range, if the file is still this version. Otherwise all of it.” A resumed file is never two versions joined.",
  "if-none-match": "“I have this version.” If it is still the same, the answer is a 304 without a body.",
  "if-modified-since": "“I have the version of this time.” It counts only where there is no If-None-Match.",
  accept: "The media types that the client can show.",
  "sec-fetch-dest": "What the browser wants it for. Scripts cannot forge this field.",
  "accept-ranges": "Ranges work here: this download can be resumed, this video can be sought.",
  "cache-control":
    "“private”: no shared cache may keep it. “no-cache”: ask before using a kept copy, which costs a 304. “no-transform”: nobody on the way may compress it, which would change the bytes that ranges count.",
  "content-disposition":
    "“attachment” saves it, “inline” shows it. The name is sent twice: in ASCII for old clients, and in full as filename*.",
  "content-encoding": "The body is compressed, and these are the bytes that ranges count.",
  "content-length": "How many bytes follow. With it there is a progress bar, and a client notices an early end.",
  "content-range": "Which bytes these are, and how many the whole file has.",
  "content-security-policy": "A sandbox: whatever scripts this file has, none may run, and nothing may be fetched.",
  "content-type": "What the bytes are, by the name of the file, not by what its uploader said.",
  date: "When the answer was made.",
  etag: "The version of these bytes. It decides 304s and whether a download may be resumed.",
  "last-modified": "When the file last changed.",
  "retry-after": "How many seconds to wait before asking again.",
  vary: "Which fields of the request the answer depends on, for caches.",
  "x-accel-redirect": "For nginx: “send this file in my place”. Behind nginx no client ever sees it.",
  "x-content-type-options": "“nosniff”: the browser must believe the type, and cannot take a text for a page.",
  "x-sendfile": "For Apache and lighttpd: “send this file in my place”. Behind them no client ever sees it.",
};
