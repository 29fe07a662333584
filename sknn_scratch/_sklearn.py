"""Every private name of scikit-learn that the package uses, and what it is used for.

scikit-learn may rename or move these in any release. No other file of the package imports a private
name, so that a release that breaks one is mended here. `.ci/versions` also runs the tests with
the next version of scikit-learn as soon as a pre-release of it is out.

The package also uses private names that it inherits or finds, and does not import. A test keeps
this list complete:

- `_get_param_names`, `_validate_params`, `_parameter_constraints`, `_doc_link_module`,
  `_doc_link_template`: of `BaseEstimator`. The names of parameters, the checks of them, and the
  links in the HTML repr.
- `_init_callback_context`: of `CallbackSupportMixin`. It opens the task of a fit.
- `_skl_callbacks`, `_parent_callback_ctx`, `_callback_fit_ctx`, `_skl_callbacks_to_teardown`: what
  scikit-learn's callbacks keep in an estimator, always or during a fit.
- `_propagation_depth`: of `CallbackContext`. How many estimators are around the one of a task. It
  decides whether callbacks are handed on to those inside it.
- `_check_input_parameters`, `_check_refit_for_multimetric`, `_format_results`, `_get_scorers`,
  `_get_routed_params_for_fit`, `_run_search`, `_select_best_index`: the steps of
  `BaseSearchCV.fit`, which our searches take in the same order.
- `_n_samples`, `_max_samples`, `_max_features`, `_sample_weight`, `_seeds`: what `BaseBagging.fit`
  keeps, and the functions that draw samples read. `_get_estimator`, `_validate_estimator`,
  `_validate_y`, `_set_oob_score`: steps of that `fit`.
- `_fit_transformer`: the step of `TransformedTargetRegressor.fit` that scales the targets.
- `_scorers`: of a `MultimetricScorer`. It is what `scorer_` holds after a search.
"""

import sklearn

from sknn_scratch._version import __version__

try:
    # Around `fit`: checks the parameters and honours `skip_parameter_validation`. When it vanishes,
    # look at what decorates `MLPClassifier.fit`.
    from sklearn.base import _fit_context as fit_context

    # By which processes tell that of a search how far they have come. When one vanishes, look at
    # what `ProgressBar` does.
    from sklearn.callback._transport import close_listener, open_listener, send

    # Trains the members of an ensemble, each on samples and features that it draws for it. When it
    # vanishes, look at what `BaggingClassifier.fit` runs in parallel.
    from sklearn.ensemble._bagging import _parallel_build_estimators as build_members

    # The number that `max_samples` means. When it vanishes, look at `BaseBagging._fit`.
    from sklearn.ensemble._bootstrap import _get_n_samples_bootstrap as n_samples_to_draw

    # Tells several metrics from one: a search then keeps the dict of scorers. When it vanishes,
    # look at the end of `BaseSearchCV.fit`, where `scorer_` is set.
    from sklearn.metrics._scorer import _MultimetricScorer as MultimetricScorer

    # The halving searches, whose public names need an experimental import first. When one vanishes,
    # it may have become public: look in `sklearn.model_selection`.
    from sklearn.model_selection._search_successive_halving import (
        HalvingGridSearchCV,
        HalvingRandomSearchCV,
    )

    # Fits and scores a network as scikit-learn's searches do, with their messages and error scores;
    # `_score` is its second half. When they vanish, look at what `BaseSearchCV.fit` runs in
    # parallel; likewise for the two functions that read its results: scores of failed fits, and
    # the warning about them.
    from sklearn.model_selection._validation import _fit_and_score as fit_and_score
    from sklearn.model_selection._validation import _insert_error_scores as insert_error_scores
    from sklearn.model_selection._validation import _score as score_fitted
    from sklearn.model_selection._validation import (
        _warn_or_raise_about_fit_failures as warn_or_raise_about_fit_failures,
    )

    # Refuses metadata unless its routing is enabled. When it vanishes, look at the first line of
    # `BaseBagging.fit`.
    from sklearn.utils._metadata_requests import _raise_for_params as raise_for_params

    # What a parameter may be, in `_parameter_constraints`, and the check of it; the last one is for
    # functions. When one vanishes, look at the constraints of `MLPClassifier`, at
    # `BaseEstimator._validate_params`, and at what decorates `accuracy_score`.
    from sklearn.utils._param_validation import (
        Interval,
        Options,
        StrOptions,
        validate_parameter_constraints,
        validate_params,
    )

    # The training part of a split, also of precomputed kernels. When it vanishes, look at the
    # first lines of `_fit_and_score`.
    from sklearn.utils.metaestimators import _safe_split as safe_split

    # `classes` of `partial_fit`: needed in its first call, the same afterwards. When it vanishes,
    # look at `MLPClassifier.partial_fit`.
    from sklearn.utils.multiclass import (
        _check_partial_fit_first_call as check_partial_fit_first_call,
    )

    # Finds the BLAS libraries once and for all: each search for them takes longer than a small
    # fit. When it vanishes, look at `threadpoolctl.ThreadpoolController` and keep one.
    from sklearn.utils.parallel import _get_threadpool_controller as threadpool_controller

    # Names of features for `get_feature_names_out`: those given, those of `fit`, or x0, x1 and so
    # on. When it vanishes, look at `KBinsDiscretizer.get_feature_names_out`.
    from sklearn.utils.validation import _check_feature_names_in as check_feature_names_in

    # Metadata as long as X: made indexable, or split as X is. When it vanishes, look at what
    # `BaseSearchCV.fit` does with its `**params`.
    from sklearn.utils.validation import _check_method_params as check_method_params

    # Weights as `fit` of all of scikit-learn takes them. When it vanishes, look at
    # `MLPClassifier._fit`.
    from sklearn.utils.validation import _check_sample_weight as check_sample_weight

    # The number of samples in whatever a search is given. When it vanishes, look at
    # `BaseSuccessiveHalving.fit`, which keeps it in `_n_samples_orig`.
    from sklearn.utils.validation import _num_samples as num_samples
except ImportError as error:
    raise ImportError(
        f"sknn_scratch {__version__} does not work with scikit-learn {sklearn.__version__}, which "
        f"lacks a name that it uses ({error}). Install a newer sknn_scratch, or scikit-learn 1.9."
    ) from error
