# SPDX-License-Identifier: MIT
"""A certification authority of a test, and what it signs."""

import subprocess

_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


class Authority:
    def __init__(self, folder):
        self.folder = folder
        self.ca = folder / "ca.pem"
        self._openssl("req", "-x509", *_KEY, "-keyout", "ca.key", "-out", "ca.pem", "-days", "2", "-subj",
                      "/CN=test-ca", "-addext", "keyUsage=critical,keyCertSign")

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=self.folder)

    def sign(self, *names, file="server"):
        """(certificate, key) for these, as "IP:127.0.0.1" or "DNS:web"."""
        self._openssl("req", "-new", *_KEY, "-keyout", f"{file}.key", "-out", f"{file}.csr", "-subj", "/CN=collector")
        (self.folder / "extensions").write_text(f"subjectAltName={','.join(names)}\nauthorityKeyIdentifier=keyid\n"
                                               "subjectKeyIdentifier=hash\n")
        self._openssl("x509", "-req", "-in", f"{file}.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
                      "-out", f"{file}.pem", "-days", "2", "-extfile", "extensions")
        return self.folder / f"{file}.pem", self.folder / f"{file}.key"
