"""Fetch the wheels that hold libtorch and unpack the part of them that a C++ program needs.

    python3 wheels.py --torch 2.15.0 --downloads FOLDER --into FOLDER --platform manylinux_2_28_x86_64 ... [--cuda]

Runs under any Python >= 3.8 that has pip; nothing of what it fetches is ever imported. Speaks JSON lines on stdout
(found, resume, progress, retry, unpack, done, fallback, error), which wheel.mjs turns into a progress bar and into
errors with a remedy.

The wheels are found and read through pip's own finder and session, so that index addresses, mirrors, proxies,
certificates and credentials are those that pip is configured with. `pip download` itself cannot go on after an
interruption, and `pip install --report` of pip 23 downloads everything merely to tell an address: hence the internals.
They have held still from pip 20.3 to 26.3; where they have not, plain `pip download` does the work, without resuming.

The result is laid out like site-packages (torch/lib, torch/include, nvidia/*/lib), because that is what the library
search path inside libtorch_cpu is relative to.
"""

import argparse
import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile

CHUNK = 1 << 20
TRIES = 6  # in a row without a single new byte
# What is taken out of a wheel, in units of the wheel's own size: a guess, made before the download so that a full disk
# is known early. unpack() asks again with the true number.
UNPACKED = {"cpu": 1.0, "cuda": 2.0}


class Failure(Exception):
    """What cannot be mended here. kind: network, notfound, disk, hash or pip."""

    def __init__(self, kind, message, **details):
        super().__init__(message)
        self.kind, self.details = kind, details


def say(event, **values):
    print(json.dumps({"event": event, **values}), flush=True)


# ---- finding -----------------------------------------------------------------------------------------------------


class Index:
    """pip's finder and session, set up as `pip download` would with the given options."""

    def __init__(self, platforms, python_version, abi):
        from pip._internal.cli.cmdoptions import make_target_python
        from pip._internal.commands import create_command

        command = create_command("download")
        arguments = ["--no-deps", "--only-binary=:all:", "--no-cache-dir", "--no-input", "--implementation=cp"]
        arguments += ["--python-version=" + python_version, "--abi=" + abi]
        options, _ = command.parse_args(arguments + ["--platform=" + name for name in platforms])
        self.complaints = []
        logger = logging.getLogger("pip._internal")
        logger.setLevel(logging.DEBUG)
        logger.propagate = False
        logger.addHandler(Listener(self.complaints))
        self.context = command.main_context()
        self.context.__enter__()
        self.session = command.get_default_session(options)
        self.finder = command._build_package_finder(
            options=options,
            session=self.session,
            target_python=make_target_python(options),
            ignore_requires_python=True,
        )

    def find(self, name, specifier):
        """The best wheel for this platform, as pip's link."""
        best = self.finder.find_best_candidate(name, specifier).best_candidate
        if best is not None:
            return best.link
        unreachable = [line for line in self.complaints if not re.search(r": 404 ", line)]
        if unreachable:
            raise Failure("network", unreachable[-1])
        wanted = "%s%s" % (name, specifier)
        raise Failure("notfound", "no wheel of %s for this platform in the configured package index" % wanted)


class Listener(logging.Handler):
    def __init__(self, lines):
        super().__init__()
        self.lines = lines

    def emit(self, record):
        text = record.getMessage()
        if text.startswith("Could not fetch URL"):
            self.lines.append(re.sub(r"\s+|HTTPS?ConnectionPool.*Caused by |<pip\._vendor[^>]*>: ", " ", text))


# ---- downloading -------------------------------------------------------------------------------------------------


def fetch(index, link, downloads, unpacked):
    """Download with resumption into FILE.SHA.incomplete, check the hash, rename. Returns the wheel's path."""
    if link.is_file:
        return link.file_path
    sha256 = link.hash if link.hash_name == "sha256" else None
    path = os.path.join(downloads, link.filename)
    if os.path.exists(path):
        return path
    # Only a known hash tells whether an old part belongs to this file; without one every run begins anew.
    part = "%s.%s.incomplete" % (path, sha256[:16] if sha256 else "unverified")
    if sha256 is None and os.path.exists(part):
        os.remove(part)
    if size_of(part) > 0:
        say("resume", file=link.filename, done=size_of(part))
    receive(index.session, link.url_without_fragment, part, link.filename, unpacked)
    if sha256 is not None and digest(part) != sha256:
        os.remove(part)
        raise Failure("hash", "%s came with the wrong sha256 and was thrown away" % link.filename)
    os.replace(part, path)
    return path


def receive(session, url, part, label, unpacked):
    failed = 0
    while True:
        before = size_of(part)
        try:
            if transfer(session, url, part, label, unpacked):
                return
            problem = "the connection ended early"
        except Failure:
            raise
        except OSError as error:  # disk, sockets; requests' exceptions are OSErrors too
            if getattr(error, "errno", None) == 28:
                raise Failure("disk", str(error), **space(os.path.dirname(part), 0))
            problem = str(error) or type(error).__name__
        except Exception as error:  # urllib3's, by no common name across pip's versions
            problem = str(error) or type(error).__name__
        failed = 1 if size_of(part) > before else failed + 1
        if failed >= TRIES:
            raise Failure("network", "%s: %s" % (label, problem))
        say("retry", file=label, reason=problem)
        if failed > 1:
            time.sleep(min(2.0 ** (failed - 2), 15))


def transfer(session, url, part, label, unpacked):
    """One request for what is missing; True when the file is whole."""
    have = size_of(part)
    headers = {"Accept-Encoding": "identity"}
    if have:
        headers["Range"] = "bytes=%d-" % have
    response = session.get(url, headers=headers, stream=True)
    try:
        if response.status_code == 416:  # nothing is left to send; the hash will tell whether that is so
            return True
        if response.status_code not in (200, 206):
            kind = "notfound" if response.status_code == 404 else "network"
            raise Failure(kind, "%s: the server answered %d %s" % (label, response.status_code, response.reason))
        if response.status_code == 200 or not starts_at(response, have):
            have = 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        if total is not None:
            ensure_space(os.path.dirname(part), total - have + total * unpacked, "downloading and unpacking " + label)
        with open(part, "ab" if have else "wb") as out:
            shown = 0.0
            for chunk in response.raw.stream(CHUNK, decode_content=False):
                out.write(chunk)
                have += len(chunk)
                if time.monotonic() - shown > 0.1:
                    shown = time.monotonic()
                    say("progress", file=label, done=have, total=total)
        say("progress", file=label, done=have, total=total)
        return total is None or have >= total
    finally:
        response.close()


def starts_at(response, offset):
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return response.status_code == 206 and found is not None and int(found.group(1)) == offset


def digest(path):
    value = hashlib.sha256()
    with open(path, "rb") as file:
        for chunk in iter(lambda: file.read(CHUNK), b""):
            value.update(chunk)
    return value.hexdigest()


def size_of(path):
    try:
        return os.path.getsize(path)
    except OSError:
        return 0


def space(folder, needed):
    return {"needed": needed, "available": shutil.disk_usage(folder).free, "folder": folder}


def ensure_space(folder, needed, what):
    found = space(folder, int(needed))
    if found["available"] < found["needed"]:
        raise Failure("disk", "not enough disk space for " + what, **found)


# ---- which wheels ------------------------------------------------------------------------------------------------


def collect(fetch_one, torch, cuda):
    """The torch wheel and, of the wheels that it requires, those with the libraries that libtorch links to.

    Without --cuda these are only the CUDA runtime and CUPTI, which even libtorch_cpu of a CUDA build needs.
    """
    from pip._vendor.packaging.requirements import Requirement
    from pip._vendor.packaging.specifiers import SpecifierSet
    from pip._vendor.packaging.utils import canonicalize_name

    wheel = fetch_one("torch", SpecifierSet("==" + torch))
    wheels, queue = {"torch": wheel}, [(wheel, set())]
    while queue:
        path, extras = queue.pop(0)
        for line in requirements_of(path):
            requirement = Requirement(line)
            name = canonicalize_name(requirement.name)
            wanted = re.match(r"nvidia-" if cuda else r"nvidia-cuda-(runtime|cupti)(-cu\d+)?$", name)
            if name in wheels or not (wanted or name == "cuda-toolkit"):
                continue
            marker = requirement.marker
            if marker is not None and not any(marker.evaluate({"extra": extra}) for extra in extras | {""}):
                continue
            wheels[name] = fetch_one(name, requirement.specifier)
            queue.append((wheels[name], requirement.extras))
    return wheels


def requirements_of(path):
    with zipfile.ZipFile(path) as archive:
        name = next(name for name in archive.namelist() if re.match(r"[^/]+\.dist-info/METADATA$", name))
        header = archive.read(name).decode("utf-8").split("\n\n", 1)[0]
    return re.findall(r"^Requires-Dist: (.+?)\r?$", header, re.MULTILINE)


# ---- unpacking ---------------------------------------------------------------------------------------------------

NEVER = re.compile(r"/lib(torch_python|shm)\.|/include/pybind11/|/lib/libshm")
CUDA_ONLY = re.compile(r"/lib(torch_cuda|c10_cuda|torch_nvshmem|caffe2_nvrtc)[^/]*$|/include/.*/(nccl|nvshmem)[^/]*$")


def is_needed(name, cuda):
    if name.endswith("/"):
        return False
    if name.startswith("torch/"):
        if NEVER.search(name) or (not cuda and CUDA_ONLY.search(name)):
            return False
        return name == "torch/version.py" or name.startswith(("torch/include/", "torch/lib/", "torch/.dylibs/"))
    if name.startswith("nvidia/"):
        if cuda:
            return not name.endswith((".a", ".py", ".pyc"))
        return re.search(r"/lib(cudart|cupti)\.so[^/]*$", name) is not None
    return re.search(r"\.dist-info/(METADATA|LICENSE|NOTICE|licenses/)", name) is not None


def unpack(wheels, into, cuda):
    archives = [zipfile.ZipFile(path) for path in wheels]
    members = [(archive, info) for archive in archives for info in archive.infolist() if is_needed(info.filename, cuda)]
    total = sum(info.file_size for _, info in members)
    ensure_space(into, total, "unpacking libtorch")
    done = 0
    for archive, info in members:
        parts = info.filename.split("/")
        if ".." in parts or os.path.isabs(info.filename):
            raise Failure("hash", "%s holds a file that points outside: %s" % (archive.filename, info.filename))
        target = os.path.join(into, *parts)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with archive.open(info) as source, open(target, "wb") as out:  # checks the CRC at the end
            shutil.copyfileobj(source, out, CHUNK)
        if done == 0 or (done + info.file_size) // (16 * CHUNK) != done // (16 * CHUNK):
            say("unpack", done=done + info.file_size, total=total)
        done += info.file_size
    say("unpack", done=total, total=total)


# ---- putting it together -----------------------------------------------------------------------------------------


def fetcher(options):
    """name, specifier -> path of the wheel, by pip's internals or, where these have changed, by plain pip."""

    def fallback(error):
        say("fallback", reason="%s: %s" % (type(error).__name__, error))
        return lambda name, specifier: plain_pip(options, name, specifier)

    try:
        index = Index(options.platform, options.python_version, options.abi)
    except Exception as error:
        return fallback(error)

    def fetch_one(name, specifier):
        try:
            link = index.find(name, specifier)
        except (AttributeError, ImportError, TypeError) as error:
            return fallback(error)(name, specifier)
        say("found", file=link.filename)
        return fetch(index, link, options.downloads, UNPACKED["cuda" if options.cuda else "cpu"])

    return fetch_one


def plain_pip(options, name, specifier):
    folder = os.path.join(options.downloads, "pip-" + name)
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:", "--no-input"]
    command += ["--progress-bar=off", "--dest=" + folder, "--python-version=" + options.python_version]
    command += ["--implementation=cp", "--abi=" + options.abi]
    command += ["--platform=" + platform for platform in options.platform] + [name + str(specifier)]
    result = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, universal_newlines=True)
    if result.returncode != 0:
        lines = [line for line in result.stdout.strip().split("\n") if line.startswith("ERROR")] or [result.stdout]
        raise Failure("pip", lines[0].replace("ERROR: ", "").strip())
    return os.path.join(folder, next(file for file in os.listdir(folder) if file.endswith(".whl")))


def main():
    parser = argparse.ArgumentParser()
    for name in ("torch", "downloads", "into"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--platform", action="append", required=True)
    parser.add_argument("--python-version", default="3.12")
    parser.add_argument("--abi", default="cp312")
    parser.add_argument("--cuda", action="store_true")
    options = parser.parse_args()
    try:
        wheels = collect(fetcher(options), options.torch, options.cuda)
        unpack(wheels.values(), options.into, options.cuda)
        say("done", wheels=sorted(os.path.basename(path) for path in wheels.values()))
    except Failure as failure:
        say("error", kind=failure.kind, message=str(failure), **failure.details)
        return 1
    except zipfile.BadZipFile as error:
        say("error", kind="hash", message="a wheel is damaged: %s" % error)
        return 1
    except OSError as error:
        say("error", kind="disk" if error.errno == 28 else "pip", message=str(error), **space(options.into, 0))
        return 1
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (KeyboardInterrupt, BrokenPipeError):
        os._exit(130)  # the parts that are there are kept for the next run
