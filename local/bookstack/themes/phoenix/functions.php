<?php

// Zitadel puts every client of a project into the audience of an ID token, and BookStack takes exactly
// one. `azp` names the client that the token was made for: it becomes the only audience, if the list
// has it.

use BookStack\Facades\Theme;
use BookStack\Theming\ThemeEvents;

Theme::listen(ThemeEvents::OIDC_ID_TOKEN_PRE_VALIDATE, function (array $claims) {
    $audience = $claims['aud'] ?? null;
    $party = $claims['azp'] ?? null;
    if (is_array($audience) && is_string($party) && in_array($party, $audience, true)) {
        $claims['aud'] = [$party];
    }

    return $claims;
});
