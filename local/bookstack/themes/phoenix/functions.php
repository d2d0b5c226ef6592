<?php

// Zitadel names every client of a project in an ID token's `aud`, and BookStack takes one that names
// exactly one. `azp` is the client that the token was issued to; it is taken for the audience only
// where the audience contains it, so that a token for others stays refused.

use BookStack\Facades\Theme;
use BookStack\Theming\ThemeEvents;

Theme::listen(ThemeEvents::OIDC_ID_TOKEN_PRE_VALIDATE, function (array $idToken) {
    $audience = $idToken['aud'] ?? null;
    $client = $idToken['azp'] ?? null;
    if (is_array($audience) && is_string($client) && in_array($client, $audience, true)) {
        $idToken['aud'] = $client;
    }

    return $idToken;
});
