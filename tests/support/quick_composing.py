"""Composition without Hydra's repeated work, as a plugin of pytest: the result is the same, in a sixth of the time.

Parsing the same forty files again is a third of each composition, and a fifth goes into choices that no file refers to.
What depends on the choice of options only, the list of defaults and their merged files, is made once for each choice,
and choices that differ late in the list share what is merged before.
Other files, such as the configurations of runs, are parsed by libyaml, and references of the same text once.
"""

import functools
import os
import pickle

import yaml
from hydra._internal import config_loader_impl, defaults_list
from hydra._internal.config_loader_impl import ConfigLoaderImpl
from hydra._internal.hydra import Hydra
from omegaconf import DictConfig, OmegaConf, _utils, base, flag_override, grammar_parser
from omegaconf.errors import OmegaConfBaseException

from ganexp.config import composition

load_file = OmegaConf.load
create_loader = _utils.get_yaml_loader
parse_value = functools.cache(grammar_parser.parse)
get_mode = Hydra.get_mode
create_choices = defaults_list._create_interpolation_map
create_defaults = defaults_list.create_defaults_list
merge_defaults = ConfigLoaderImpl._compose_config_from_defaults_list
loaded = {}
chosen = {}
merged = {}
begun = {}
STRIDE = 8
"""Every so many files, what is merged so far is kept for other lists that begin alike."""
WITH_DEFAULTS = "HYDRA_REMOVE_TOP_LEVEL_DEFAULTS"


@functools.cache
def libyaml_loader():
    """Return OmegaConf's loader of YAML, with libyaml's parser in place of Python's."""
    own = create_loader()

    def __init__(self, stream):
        yaml.CSafeLoader.__init__(self, stream)

    return type("Loader", (yaml.cyaml.CParser, own), {"__init__": __init__})


def load_quickly(file):
    """Return what a file holds; what is wrong with one is said by Python's parser."""
    _utils.get_yaml_loader = libyaml_loader
    try:
        return load_file(file)
    except yaml.YAMLError:
        if hasattr(file, "seek"):
            file.seek(0)
    finally:
        _utils.get_yaml_loader = create_loader
    return load_file(file)


def load_once(file):
    """Return a copy of what a file holds that Hydra has opened; a file that has changed is read again."""
    path = getattr(file, "name", None) if hasattr(file, "fileno") else None
    if not isinstance(path, str):
        return load_quickly(file)
    status = os.fstat(file.fileno())
    key = (os.path.realpath(path), status.st_ino, status.st_mtime_ns, status.st_size)
    if key not in loaded:
        loaded[key] = pickle.dumps(load_quickly(file))
    return pickle.loads(loaded[key])


def mode_if_given(hydra, config_name, overrides):
    """Return the mode, for which Hydra composes everything once more, without composing where no override sets it."""
    is_given = any("hydra" in override or "sweeps" in override for override in overrides)
    return get_mode(hydra, config_name, overrides) if is_given else None


def choices_if_needed(overrides, defaults, self_added):
    """Return the choices made so far where a default refers to one; otherwise nothing reads them."""
    if any(not default.is_self() and default.is_interpolation() for default in defaults):
        return create_choices(overrides, defaults, self_added)
    return OmegaConf.create()


def state_of(repo):
    """Return what changes with the files from which Hydra composes."""
    return tuple((source.scheme(), source.path, _files(source)) for source in repo.get_sources())


def _files(source):
    if source.scheme() != "file":
        return ()
    # Strings, since objects of paths would take most of a composition's time.
    names = [os.path.join(folder, name) for folder, _, names in os.walk(source.path) for name in names]  # noqa: PTH118
    statuses = [(name, os.stat(name)) for name in names if name.endswith(".yaml")]  # noqa: PTH116
    return tuple((name, status.st_ino, status.st_mtime_ns, status.st_size) for name, status in statuses)


def defaults_once(repo, config_name, overrides_list, prepend_hydra, skip_missing):
    """Return the list of defaults, which depends on the chosen options and not on values."""
    values = defaults_list.Overrides(repo, overrides_list).config_overrides
    choices = tuple(override.input_line for override in overrides_list if override not in values)
    key = (state_of(repo), config_name, choices, prepend_hydra, skip_missing)
    if key not in chosen:
        made = create_defaults(repo, config_name, overrides_list, prepend_hydra, skip_missing)
        chosen[key] = pickle.dumps((made.defaults, made.defaults_tree, made.overrides))
        return made
    defaults, tree, overrides = pickle.loads(chosen[key])
    return defaults_list.DefaultsList(defaults, tree, values, overrides)


def merged_once(loader, defaults, repo):
    """Return the merged files of a list of defaults."""
    key = (state_of(repo), *map(repr, defaults))
    if key not in merged:
        try:
            merged[key] = pickle.dumps(merged_from_start(loader, defaults, repo, key))
        except OmegaConfBaseException:
            # Hydra's own words on what is wrong.
            merged[key] = pickle.dumps(merge_defaults(loader, defaults, repo))
    return pickle.loads(merged[key])


def merged_from_start(loader, defaults, repo, key):
    """Return the merged files, of which the first are those of an earlier list that begins alike."""
    known = next((n for n in range(len(defaults), 0, -1) if key[: n + 1] in begun), 0)
    config = pickle.loads(begun[key[: known + 1]]) if known else OmegaConf.create()
    with flag_override(config, "no_deepcopy_set_nodes", True):
        for number, default in enumerate(defaults[known:], known + 1):
            config.merge_with(loader._load_single_config(default, repo).config)
            if number % STRIDE == 0:
                begun[key[: number + 1]] = kept(config)
    strip_defaults(config)
    return config


def kept(config):
    """Return the bytes of a configuration without the flag of merging."""
    with flag_override(config, "no_deepcopy_set_nodes", None):
        return pickle.dumps(config)


def strip_defaults(node):
    """Remove lists of defaults, as Hydra does in the end."""
    if not isinstance(node, DictConfig) or node._is_missing() or node._is_none():
        return
    with flag_override(node, ["readonly", "struct"], False):
        if node._get_flag(WITH_DEFAULTS):
            node._set_flag(WITH_DEFAULTS, None)
            node.pop("defaults", None)
        for _, value in node.items_ex(resolve=False):
            strip_defaults(value)


def pytest_configure():
    # As the command line does before it composes, whichever test comes first.
    composition.register_resolvers()
    config_loader_impl.create_defaults_list = defaults_once
    ConfigLoaderImpl._compose_config_from_defaults_list = merged_once
    base.parse = _utils.parse = parse_value
    OmegaConf.load = staticmethod(load_once)
    Hydra.get_mode = mode_if_given
    defaults_list._create_interpolation_map = choices_if_needed
