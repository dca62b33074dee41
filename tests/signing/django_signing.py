"""Signs and verifies URLs with Django, as a site with django-downloadview does.

Reads a JSON object from standard input: the settings, the names of files to sign, and the URLs to verify. Writes the
signed URLs, and for each URL the path that it is good for, or null.
"""

import json
import sys

import django
from django.conf import settings

asked = json.load(sys.stdin)
settings.configure(ALLOWED_HOSTS=["*"], MEDIA_URL="/media/", **asked["settings"])
django.setup()

from django.core.files.storage import FileSystemStorage  # noqa: E402
from django.core.signing import BadSignature, TimestampSigner  # noqa: E402
from django.test import RequestFactory  # noqa: E402


signer = TimestampSigner(algorithm=asked.get("algorithm"))


def signed(name):
    url = FileSystemStorage().url(name)
    return "%s?X-Signature=%s" % (url, signer.sign(url))


def verified(url):
    request = RequestFactory().get(url)
    try:
        path = signer.unsign(request.GET["X-Signature"], max_age=asked.get("maxAge"))
    except BadSignature:
        return None
    return path if path == request.path else None


json.dump(
    {
        "version": django.get_version(),
        "signed": [signed(name) for name in asked.get("names", [])],
        "verified": [verified(url) for url in asked.get("urls", [])],
    },
    sys.stdout,
)
