export interface Link {
  /** The route as it stands in `views.ts` or `servers.ts`. */
  readonly route: string;
  readonly href: string;
  readonly what: string;
}

export interface Section {
  /** The view, or the server. */
  readonly title: string;
  readonly serves: string;
  readonly links: readonly Link[];
}

/** What the page tells of each view. The links of objects lead to the document `slug`, if there is one. */
export function sections(slug: string | undefined): Section[] {
  return [
    {
      title: "ObjectDownloadView",
      serves: "The file of an object: a row of a table, with its bytes in a storage.",
      links: slug === undefined ? [] : objectLinks(slug),
    },
    {
      title: "StorageDownloadView",
      serves: "A file by its name in a storage: a folder here, a bucket elsewhere.",
      links: [
        {
          route: "/storage/static-path/*path",
          href: "/storage/static-path/hello-world.txt",
          what: "The name that the URL gives.",
        },
        {
          route: "/storage/dynamic-path/*path",
          href: "/storage/dynamic-path/hello-loud.txt",
          what: "A name that is computed of it: the same in capitals.",
        },
      ],
    },
    {
      title: "PathDownloadView",
      serves: "A file by its path on this machine.",
      links: [
        { route: "/path/static-path", href: "/path/static-path", what: "Always the same file." },
        {
          route: "/path/dynamic-path/*path",
          href: "/path/dynamic-path/mountain-lake.png",
          what: "A path from the URL, below a root that no .. leads out of, encoded or not, and no symlink.",
        },
      ],
    },
    {
      title: "HTTPDownloadView",
      serves:
        "A file that another server has: one of the public internet, or one that is named, as the second server of this demo.",
      links: [
        { route: "/http/simple_url", href: "/http/simple_url", what: "A URL that never changes." },
        {
          route: "/http/avatar_url/:user",
          href: "/http/avatar_url/ada",
          what: "A URL that is computed, shown inline under a name of ours.",
        },
      ],
    },
    {
      title: "VirtualDownloadView",
      serves: "What is on no disk: generated, or held in memory.",
      links: [
        { route: "/virtual/text", href: "/virtual/text", what: "A text." },
        { route: "/virtual/stringio", href: "/virtual/stringio", what: "A buffer of bytes." },
        {
          route: "/virtual/generated",
          href: "/virtual/generated",
          what: "A generator: it is sent line by line while it is made, and its end is not known before.",
        },
      ],
    },
    {
      title: "keepFiles()",
      serves: "What is made or fetched once, and then served like a file on the disk. Cache-Status says hit or miss.",
      links: [
        {
          route: "/kept/report",
          href: "/kept/report",
          what: "The same generator: after the first download it has a length, an entity tag and ranges, for a minute.",
        },
        {
          route: "/kept/picture",
          href: "/kept/picture",
          what: "A picture of another server: it is fetched once, and again when that server says that it is stale.",
        },
      ],
    },
  ];
}

/** What the page tells of each server that may stand in front of the application. */
export const serverSections: readonly Section[] = [
  {
    title: "nginx",
    serves: "X-Accel-Redirect names an internal URL, which no client can ask for.",
    links: serverLinks("nginx"),
  },
  {
    title: "Apache",
    serves: "X-Sendfile names a path, for mod_xsendfile.",
    links: serverLinks("apache"),
  },
  {
    title: "lighttpd",
    serves: "X-Sendfile names a path, percent-encoded.",
    links: serverLinks("lighttpd"),
  },
];

function serverLinks(server: string): Link[] {
  const link = (page: string, what: string): Link => ({
    route: `/${server}/${page}/`,
    href: `/${server}/${page}/`,
    what,
  });
  return [
    link(
      "optimized-by-middleware",
      "By middleware: a rule of downloadview.config.ts, which the view knows nothing of.",
    ),
    link("optimized-by-decorator", "By decorator: a rule for this view alone."),
    link("modified_headers", "A field that the view adds goes with it: X-Test."),
  ];
}

function objectLinks(slug: string): Link[] {
  return [
    {
      route: "/object/default-file/:slug",
      href: `/object/default-file/${slug}`,
      what: "Under the name that the storage knows.",
    },
    {
      route: "/object/another-file/:slug",
      href: `/object/another-file/${slug}`,
      what: "Another field of the same object: here a checksum for sha256sum -c.",
    },
    {
      route: "/object/deserialized_basename/:slug",
      href: `/object/deserialized_basename/${slug}`,
      what: "Under the name that the user gave it.",
    },
    {
      route: "/object/inline-file/:slug",
      href: `/object/inline-file/${slug}`,
      what: "To look at, not to save. What a browser could run gets a Content-Security-Policy with it.",
    },
  ];
}
